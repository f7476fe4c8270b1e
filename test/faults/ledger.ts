/**
 * What whoever asked was told, and what may therefore be found afterwards: an acknowledged change is there with value, version
 * and time; a refused one is not; one whose answer never came, or said that nobody knows, is there wholly or not at all.
 */

/** A version of a key. */
export interface Version {
  /** JSON text. */
  readonly value: string;
  readonly seq: number;
  readonly timeMs: number;
}

/** One change that was asked for. */
export interface Change {
  readonly kind: 'set' | 'delete' | 'clear';
  /** Empty for `clear`. */
  readonly key: string;
  /** Empty for all but `set`. */
  readonly value: string;
}

/** How it ended. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly seq: number; readonly hash: string; readonly timeMs: number }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' };

/** What a key may be: a version that is known, a value whose version is not, or nothing. */
type Possible = Version | { readonly value: string } | 'absent';

/** What was told of one project. */
export class Ledger {
  readonly #possible = new Map<string, Possible[]>();
  /** What a process shows that has told all this: nothing that is not durable. */
  readonly #shown = new Map<string, Version>();
  /** Receipts by seq. */
  readonly receipts = new Map<number, string>();

  /** A ledger that says the same and goes on by itself. */
  copy(): Ledger {
    const copy = new Ledger();
    for (const [key, possible] of this.#possible) copy.#possible.set(key, possible);
    for (const [key, version] of this.#shown) copy.#shown.set(key, version);
    for (const [seq, hash] of this.receipts) copy.receipts.set(seq, hash);
    return copy;
  }

  /**
   * Notes a change.
   *
   * @param change what was asked for
   * @param outcome how it ended
   */
  note(change: Change, outcome: Outcome): void {
    if (outcome.kind === 'refused') return;
    const keys = change.kind === 'clear' ? [...this.#possible.keys()] : [change.key];
    for (const key of keys) this.#noteKey(key, change, outcome);
    if (outcome.kind === 'acknowledged') this.receipts.set(outcome.seq, outcome.hash);
  }

  #noteKey(key: string, { kind, value }: Change, outcome: Exclude<Outcome, { kind: 'refused' }>): void {
    const isKnown = outcome.kind === 'acknowledged';
    const version = isKnown ? { value, seq: outcome.seq, timeMs: outcome.timeMs } : undefined;
    const possible = kind === 'set' ? (version ?? { value }) : 'absent';
    this.#possible.set(key, isKnown ? [possible] : [...(this.#possible.get(key) ?? ['absent']), possible]);
    if (!isKnown) return;
    if (version !== undefined && kind === 'set') this.#shown.set(key, version);
    else this.#shown.delete(key);
  }

  /** Another process has begun: what it shows is for {@link faults} to judge, and from there on it is what counts. */
  restart(found: ReadonlyMap<string, Version>): void {
    this.#shown.clear();
    for (const key of this.#possible.keys()) {
      const version = found.get(key);
      this.#possible.set(key, [version ?? 'absent']);
      if (version !== undefined) this.#shown.set(key, version);
    }
  }

  /**
   * Compares what a process shows with what it may show before it has been started again.
   *
   * @param versions seq by key
   * @returns what is wrong
   */
  shownFaults(versions: ReadonlyMap<string, number>): string[] {
    const keys = new Set([...versions.keys(), ...this.#shown.keys()]);
    return [...keys]
      .filter((key) => versions.get(key) !== this.#shown.get(key)?.seq)
      .map((key) => `"${key}" is shown as of seq ${versions.get(key)}, and ${this.#shown.get(key)?.seq} was acknowledged`);
  }

  /**
   * Compares what is found after a start with what may be found.
   *
   * @param found every key that is there
   * @returns what is wrong, each in a line
   */
  faults(found: ReadonlyMap<string, Version>): string[] {
    const faults = [...found.keys()].filter((key) => !this.#possible.has(key)).map((key) => `"${key}" was asked for by nobody`);
    for (const [key, possible] of this.#possible) {
      const version = found.get(key);
      if (!possible.some((one) => isSame(one, version))) {
        faults.push(`"${key}" is ${shortOf(version)}, not ${possible.map(shortOf).join(' or ')}`);
      }
    }
    return faults;
  }
}

function isSame(possible: Possible, found: Version | undefined): boolean {
  if (possible === 'absent' || found === undefined) return possible === 'absent' && found === undefined;
  return possible.value === found.value && (!('seq' in possible) || (possible.seq === found.seq && possible.timeMs === found.timeMs));
}

function shortOf(possible: Possible | undefined): string {
  return possible === undefined ? 'absent' : JSON.stringify(possible).slice(0, 80);
}
