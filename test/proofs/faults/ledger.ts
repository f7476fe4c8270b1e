/**
 * What clients were answered, and what may therefore be found afterwards: an acknowledged change is there with value, version
 * and time; a refused one is not; one whose answer never came, or was `outcome_unknown`, is there wholly or not at all.
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
  readonly kind: 'set' | 'delete' | 'clear' | 'range' | 'batch';
  /** Of a `range` the prefix, empty for `clear`; of a batch all of its keys, for messages. */
  readonly key: string;
  /** Empty for all but `set`. */
  readonly value: string;
  /** What a batch sets and deletes, each key once: all of it or nothing. */
  readonly parts?: readonly Change[];
}

/** How it ended. */
export type Outcome =
  | {
      readonly kind: 'acknowledged';
      readonly seq: number;
      readonly hash: string;
      readonly timeMs: number;
      /** The answer said that it came before the sync. */
      readonly isVolatile?: boolean;
    }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' };

/** What a key may be: a version that is known, a value whose version is not, or nothing. */
type Possible = Version | { readonly value: string } | 'absent';

/** What was answered about one project. */
export class Ledger {
  readonly #possible = new Map<string, Possible[]>();
  /** Changes of several keys whose answer never came: where each key has what it is made in the list of what it may be. */
  #uncertain: Map<string, number>[] = [];
  /** What a process shows that has told all this: nothing that is not durable. */
  readonly #shown = new Map<string, Version>();
  /** Receipts by seq. */
  readonly receipts = new Map<number, string>();
  /** Everything since the last start, in the order in which it ended. */
  #noted: { readonly change: Change; readonly outcome: Exclude<Outcome, { kind: 'refused' }> }[] = [];
  /** What there was at the last start. */
  #atStart = new Map<string, Possible[]>();
  #durableSeq = 0;

  /** The last seq that was said to be durable. */
  get durableSeq(): number {
    return this.#durableSeq;
  }

  /** A ledger that says the same and goes on by itself. */
  copy(): Ledger {
    const copy = new Ledger();
    for (const [key, possible] of this.#possible) copy.#possible.set(key, possible);
    for (const [key, version] of this.#shown) copy.#shown.set(key, version);
    for (const [seq, hash] of this.receipts) copy.receipts.set(seq, hash);
    copy.#uncertain = this.#uncertain.map((batch) => new Map(batch));
    copy.#noted = [...this.#noted];
    copy.#atStart = new Map(this.#atStart);
    copy.#durableSeq = this.#durableSeq;
    return copy;
  }

  /**
   * Notes that everything up to a seq was said to be durable.
   *
   * @param seq the last seq that it was said of
   */
  promise(seq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, seq);
  }

  /**
   * Notes a change.
   *
   * @param change what was asked for
   * @param outcome how it ended
   */
  note(change: Change, outcome: Outcome): void {
    if (outcome.kind === 'refused') return;
    const touched = (change.parts ?? [change]).flatMap((part) => this.#keysOf(part).map((key) => ({ key, part })));
    for (const { key, part } of touched) this.#noteKey(key, part, outcome);
    this.#noted.push({ change, outcome });
    if (outcome.kind !== 'acknowledged') {
      this.#uncertain.push(new Map(touched.map(({ key }) => [key, (this.#possible.get(key)?.length ?? 0) - 1])));
      return;
    }
    this.receipts.set(outcome.seq, outcome.hash);
    if (outcome.isVolatile !== true) this.promise(outcome.seq);
  }

  #keysOf({ kind, key }: Change): readonly string[] {
    return kind === 'clear' || kind === 'range' ? [...this.#possible.keys()].filter((one) => one.startsWith(key)) : [key];
  }

  #noteKey(key: string, { kind, value }: Change, outcome: Exclude<Outcome, { kind: 'refused' }>): void {
    const isKnown = outcome.kind === 'acknowledged';
    const version = isKnown ? { value, seq: outcome.seq, timeMs: outcome.timeMs } : undefined;
    const possible = kind === 'set' ? (version ?? { value }) : 'absent';
    this.#possible.set(key, isKnown ? [possible] : [...(this.#possible.get(key) ?? ['absent']), possible]);
    if (!isKnown) return;
    // Whether an earlier batch was carried out no longer matters for this key.
    for (const batch of this.#uncertain) batch.delete(key);
    if (version !== undefined && kind === 'set') this.#shown.set(key, version);
    else this.#shown.delete(key);
  }

  /**
   * Another process has begun: what it shows is for {@link faults} to judge, and from there on it is what counts.
   *
   * @param found every key that is there
   * @param start the last seq of the log; whether power was lost, so that receipts of lines may be left that were not said to be durable
   */
  restart(found: ReadonlyMap<string, Version>, start: { readonly lastSeq: number; readonly isPowerLost: boolean }): void {
    const { lastSeq, isPowerLost } = start;
    this.#shown.clear();
    for (const seq of this.receipts.keys()) if (isPowerLost && seq > this.#durableSeq) this.receipts.delete(seq);
    for (const key of this.#possible.keys()) {
      const version = found.get(key);
      this.#possible.set(key, [version ?? 'absent']);
      if (version !== undefined) this.#shown.set(key, version);
    }
    this.#noted = [];
    this.#uncertain = [];
    this.#atStart = new Map(this.#possible);
    // A start proves the end of the log anew before it serves.
    this.#durableSeq = lastSeq;
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
    const faults = [...found.keys()].filter((key) => !this.#possible.has(key)).map((key) => `"${key}" was never asked for`);
    for (const [key, possible] of this.#possible) {
      const version = found.get(key);
      if (!possible.some((one) => isSame(one, version))) {
        faults.push(`"${key}" is ${shortOf(version)}, not ${possible.map(shortOf).join(' or ')}`);
      }
    }
    if (faults.length > 0) return faults;
    const torn = this.#uncertain.filter((batch) => !this.#fits(batch, found, true) && !this.#fits(batch, found, false));
    return torn.map((batch) => `a change of "${[...batch.keys()].join('", "')}" is there in part`);
  }

  /** Whether what is found can be, if a batch was carried out, or if it was not. */
  #fits(batch: ReadonlyMap<string, number>, found: ReadonlyMap<string, Version>, isDone: boolean): boolean {
    return [...batch].every(([key, at]) => (this.#possible.get(key) ?? []).some((one, index) => (
      (isDone ? index >= at : index !== at) && isSame(one, found.get(key))
    )));
  }

  /**
   * Compares what is found after a loss of power. It may have taken changes that were not said to be durable, from the end of the log
   * on: what is there must be what all changes up to some seq amount to, and that seq not below any that was said to be durable.
   *
   * @param found every key that is there
   * @returns what is wrong, each in a line
   */
  faultsAfterLoss(found: ReadonlyMap<string, Version>): string[] {
    const faults = this.faults(found);
    if (faults.length === 0) return [];
    const seqs = this.#noted.flatMap(({ outcome }) => (outcome.kind === 'acknowledged' ? [outcome.seq] : []));
    // With no change of a key between two seqs, a log that ends at either amounts to the same.
    const ends = [this.#durableSeq, ...seqs.filter((seq) => seq > this.#durableSeq)].filter((seq) => seq < Math.max(...seqs));
    if (ends.some((seq) => this.#upTo(seq).faults(found).length === 0)) return [];
    const end = `nor would it be with a log that ends at any seq from ${this.#durableSeq} on, the last durable one`;
    return faults.map((fault) => `${fault}; ${end}`);
  }

  /** The ledger of clients that saw nothing after a seq. What was not answered came after everything that was. */
  #upTo(seq: number): Ledger {
    const ledger = new Ledger();
    for (const [key, possible] of this.#atStart) ledger.#possible.set(key, possible);
    for (const key of this.#possible.keys()) if (!ledger.#possible.has(key)) ledger.#possible.set(key, ['absent']);
    const kept = this.#noted.flatMap(({ change, outcome }) => (
      outcome.kind === 'acknowledged' && outcome.seq <= seq ? [{ change, outcome }] : []
    ));
    for (const { change, outcome } of kept.sort((a, b) => a.outcome.seq - b.outcome.seq)) ledger.note(change, outcome);
    return ledger;
  }
}

function isSame(possible: Possible, found: Version | undefined): boolean {
  if (possible === 'absent' || found === undefined) return possible === 'absent' && found === undefined;
  return possible.value === found.value && (!('seq' in possible) || (possible.seq === found.seq && possible.timeMs === found.timeMs));
}

function shortOf(possible: Possible | undefined): string {
  return possible === undefined ? 'absent' : JSON.stringify(possible).slice(0, 80);
}
