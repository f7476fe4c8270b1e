/**
 * What two states of a project differ in, and how its keys came to differ. Works on sorted entries in groups and on events, from wherever
 * they are read.
 */
import { compareUtf8 } from '../base/compare-utf8.js';
import { ACTOR_SERVER } from '../events/actor.js';
import { type AnyEvent, expiryAfter, keyChangesOf, rangeOf, removesKey } from '../events/event.js';
import { isInRange } from '../events/key-range.js';

/** The part of an entry of a state that is compared. */
interface ComparedEntry {
  readonly key: string;
  /** Its version. */
  readonly seq: number;
}

/** A key that is in one of two states only, or in both with different versions. */
export interface Difference<Entry> {
  readonly key: string;
  /** Undefined if the key was not there. */
  readonly before: Entry | undefined;
  /** Undefined if the key is no longer there. */
  readonly after: Entry | undefined;
}

/** The last change of a key. What is not known any more is null. */
export interface LastChange {
  /** Of its line; null for a key that expired before a line said so. */
  readonly seq: number | null;
  /** Milliseconds since 1970. */
  readonly timeMs: number | null;
  /** The operation of the line. */
  readonly op: string | null;
  readonly actor: string | null;
  readonly request: string | null;
}

/** Entries that are taken one after another from groups. */
class Taker<Entry> {
  readonly #groups: AsyncIterator<readonly Entry[]>;
  #group: readonly Entry[] = [];
  #at = 0;
  /** True once there is no further group. */
  isLast = false;

  constructor(groups: AsyncIterable<readonly Entry[]>) {
    this.#groups = groups[Symbol.asyncIterator]();
  }

  /** The next entry; undefined if the group is used up. */
  get next(): Entry | undefined {
    return this.#group[this.#at];
  }

  /** Whether the next entry is known, or that there is none. */
  get isKnown(): boolean {
    return this.isLast || this.#at < this.#group.length;
  }

  take(): void {
    this.#at += 1;
  }

  /** Reads groups until the next entry is known. */
  async fill(): Promise<void> {
    while (!this.isKnown) {
      const { done, value } = await this.#groups.next();
      if (done === true) this.isLast = true;
      else [this.#group, this.#at] = [value, 0];
    }
  }

  async end(): Promise<void> {
    await this.#groups.return?.();
  }
}

/**
 * Finds the keys whose versions differ, in the order of the entries. Holds one group of each state.
 *
 * @param before entries ascending by the UTF-8 bytes of their keys, in groups
 * @param after the same, of the other state
 * @returns groups, some of them empty
 */
export async function* differencesOf<Entry extends ComparedEntry>(
  before: AsyncIterable<readonly Entry[]>, after: AsyncIterable<readonly Entry[]>,
): AsyncGenerator<readonly Difference<Entry>[]> {
  const [old, young] = [new Taker(before), new Taker(after)];
  try {
    for (;;) {
      await old.fill();
      await young.fill();
      if (old.isLast && young.isLast) return;
      yield takeDifferences(old, young);
    }
  } finally {
    await Promise.all([old.end(), young.end()]);
  }
}

/** Takes entries until more have to be read. */
function takeDifferences<Entry extends ComparedEntry>(old: Taker<Entry>, young: Taker<Entry>): readonly Difference<Entry>[] {
  const found: Difference<Entry>[] = [];
  while (old.isKnown && young.isKnown) {
    const [before, after] = [old.next, young.next];
    const order = orderOf(before, after);
    if (order === undefined) return found;
    if (order <= 0) old.take();
    if (order >= 0) young.take();
    if (order < 0 && before !== undefined) found.push({ key: before.key, before, after: undefined });
    else if (order > 0 && after !== undefined) found.push({ key: after.key, before: undefined, after });
    else if (before !== undefined && before.seq !== after?.seq) found.push({ key: before.key, before, after });
  }
  return found;
}

/** Which of two entries comes first, none of them if there is neither. */
function orderOf(before: ComparedEntry | undefined, after: ComparedEntry | undefined): number | undefined {
  if (before === undefined) return after === undefined ? undefined : 1;
  if (after === undefined) return -1;
  return before.key === after.key ? 0 : compareUtf8(before.key, after.key);
}

/** Operations after which a key may be gone: at once, or because it expires. */
const REMOVING_OPS: ReadonlySet<string> = new Set(['delete', 'expire', 'batch', 'clear', 'clear.range', 'set.until', 'touch']);

/** Tells whether events of an operation may be the last change of a key that is gone. */
export function mayRemove(op: string): boolean {
  return REMOVING_OPS.has(op);
}

/** An event, and the line that has it. */
interface ChangingLine extends LastChange {
  readonly event: AnyEvent;
}

/**
 * Finds out how keys that are gone have been removed, provided that a line is the last one about them.
 *
 * @param keys that are gone after the line, and after any line that follows
 * @returns the change of each of them that the line concerns
 */
export function removalsIn(line: ChangingLine, keys: ReadonlySet<string>): ReadonlyMap<string, LastChange> {
  const { event, seq, timeMs, op, actor, request } = line;
  const change: LastChange = { seq, timeMs, op, actor, request };
  if (event.op === 'clear') return new Map([...keys].map((key) => [key, change]));
  if (event.op === 'clear.range') {
    const range = rangeOf(event);
    return new Map([...keys].filter((key) => isInRange(key, range)).map((key) => [key, change]));
  }
  const found = new Map<string, LastChange>();
  for (const one of keyChangesOf(event)) {
    if (!keys.has(one.key)) continue;
    const expiresAtMs = expiryAfter(one);
    if (removesKey(one)) found.set(one.key, change);
    else if (expiresAtMs !== null) found.set(one.key, lapseAt(expiresAtMs));
  }
  return found;
}

/** A key whose last change is wanted. */
export interface ChangedKey {
  readonly key: string;
  /** Its version in the later state; undefined if it is gone there. */
  readonly last: { readonly seq: number; readonly timeMs: number } | undefined;
  /** When it expires in the earlier state, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
}

/**
 * Returns the last change of a key up to the later state.
 *
 * @param bySeq the changes of versions in that state whose lines are kept
 * @param removals those of keys that are gone, if lines between the states have removed them
 */
export function lastChangeOf(
  { key, last, expiresAtMs }: ChangedKey, bySeq: ReadonlyMap<number, LastChange>, removals: ReadonlyMap<string, LastChange>,
): LastChange {
  const change = last === undefined ? removals.get(key) : bySeq.get(last.seq);
  if (change !== undefined) return change;
  if (last === undefined && expiresAtMs !== null) return lapseAt(expiresAtMs);
  // After a jump of the clock, a key may be there again whose version is of long ago.
  return { seq: last?.seq ?? null, timeMs: last?.timeMs ?? null, op: null, actor: null, request: null };
}

/** The change of a key that has expired, while no line says so yet. */
function lapseAt(timeMs: number): LastChange {
  return { seq: null, timeMs, op: 'expire', actor: ACTOR_SERVER, request: '' };
}
