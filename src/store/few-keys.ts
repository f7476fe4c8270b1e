/**
 * Two states of a project, restricted to a few keys: those that the lines between them change, or some that are named. Their versions are
 * found in the log, so neither state has to be built, however large the project is.
 *
 * A key that merely expires between the states is left out. That makes no difference to a revert: what has expired does not come back.
 */
import { expiryAfter, type KeyChanged, keyChangesOf, rangeOf, removesKey, setsValue } from '../events/event.js';
import { hasExpired } from '../events/expiry.js';
import { isInRange } from '../events/key-range.js';
import { versionTag } from '../events/key-version.js';
import type { EventLine } from '../log/event-lines.js';
import { eventOf, valueRedacted } from './event-of-line.js';
import type { ComparableState, StatePair } from './past-diff.js';
import { readPastKey } from './past-key.js';
import type { PastEntry } from './past-state.js';
import { type Admission, reserve } from './project-reads.js';
import type { ProjectStore } from './project-store.js';

/** The states to compare. */
export interface FewKeysSearch {
  readonly store: ProjectStore;
  /** The last line in the later state. */
  readonly seq: number;
  /** The last line in the earlier one. */
  readonly to: number;
  /** Reserves memory before a long line is read. */
  readonly admit: Admission;
  /** Awaited before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/** A few keys of two states. */
interface FewKeys {
  readonly keys: readonly string[];
  /** From the later state to the earlier one. */
  readonly pair: StatePair;
}

/** The value that a line has. */
interface LineValue {
  readonly text: string;
  /** Seq of the line if the value was erased, for which its text stands. */
  readonly erasedFrom?: number | undefined;
}

/** An entry with its value. */
interface LoadedPastEntry extends PastEntry {
  readonly value: LineValue;
}

/** An entry whose value may be that of an older version. */
type FoundEntry = Omit<LoadedPastEntry, 'value'> & { readonly value: LineValue | undefined };

/** Keys whose histories are searched one by one; each may take a good part of a second in a long log. */
const HISTORIES_MAX = 4;
/** Lines between the states; more are not read for this. */
const BETWEEN_LINES_MAX = 1000;
/** Bytes of the values of one state. */
const VALUE_BYTES_MAX = 8_388_608;
/** Lines before them that are read in search of versions. */
const SEARCH_LINES_MAX = 100_000;

/** Entries in memory, which are all that is known of a state. */
class PartialState implements ComparableState {
  readonly seq: number;
  readonly #entries: ReadonlyMap<string, LoadedPastEntry>;

  /** @param timeMs that of its line; what had expired by then is left out */
  constructor(seq: number, timeMs: number, entries: Iterable<LoadedPastEntry | undefined>) {
    this.seq = seq;
    const visible = [...entries].filter((entry) => entry !== undefined)
      .filter(({ expiresAtMs }) => !hasExpired(expiresAtMs, timeMs));
    this.#entries = new Map(visible.map((entry) => [entry.key, entry]));
  }

  get(key: string): Promise<PastEntry | undefined> {
    return Promise.resolve(this.#entries.get(key));
  }

  async load(entries: readonly PastEntry[]): Promise<readonly string[]> {
    // Every entry of this state came from it, with its value.
    return await Promise.all((entries as readonly LoadedPastEntry[]).map(({ value: { text, erasedFrom } }) => {
      if (erasedFrom !== undefined) throw valueRedacted(erasedFrom);
      return text;
    }));
  }
}

/**
 * Restricts the states to named keys.
 *
 * @param keys in their order
 * @returns undefined if they are too many, or the log does not have their versions any more
 */
export async function namedKeys(search: FewKeysSearch, keys: readonly string[]): Promise<FewKeys | undefined> {
  if (keys.length > HISTORIES_MAX) return undefined;
  const later = await historiesOf(search, keys, search.seq);
  const earlier = later && (await historiesOf(search, keys, search.to));
  return later && earlier && (await restricted(search, later, earlier));
}

/**
 * Restricts the states to the keys that the lines between them change.
 *
 * @param isWanted whether a key counts
 * @returns undefined if these lines are many or clear keys, or the log does not have the versions before them any more
 */
export async function changedKeys(search: FewKeysSearch, isWanted: (key: string) => boolean): Promise<FewKeys | undefined> {
  const later = await changesBetween(search, isWanted);
  if (later === undefined) return undefined;
  const names = [...later.keys()];
  const earlier = names.length > HISTORIES_MAX ? await searchBack(search, names) : await historiesOf(search, names, search.to);
  return earlier && (await restricted(search, later, earlier));
}

type Found = ReadonlyMap<string, FoundEntry | undefined>;

async function historiesOf({ store, admit, nextTurn }: FewKeysSearch, keys: readonly string[], seq: number): Promise<Found | undefined> {
  const found = new Map<string, FoundEntry | undefined>();
  for (const key of keys) {
    await nextTurn();
    const past = await readPastKey(store, key, seq, admit);
    if (!past.isKnown) return undefined;
    const { entry } = past;
    found.set(key, entry && { key, ...entry, sizeBytes: Buffer.byteLength(entry.value), value: { text: entry.value } });
  }
  return found;
}

async function restricted({ store: { feed }, seq, to }: FewKeysSearch, later: Found, earlier: Found): Promise<FewKeys> {
  const timeOf = async (lineSeq: number): Promise<number> => (lineSeq < feed.oldestSeq ? 0 : (await feed.lineAt(lineSeq)).timeMs);
  const [laterMs, earlierMs] = [await timeOf(seq), await timeOf(to)];
  const loaded = (entry: FoundEntry | undefined): LoadedPastEntry | undefined => {
    // A change of the expiry alone keeps the value.
    const value = entry?.value ?? (entry && earlier.get(entry.key)?.value);
    return entry === undefined || value === undefined ? undefined : { ...entry, value, sizeBytes: Buffer.byteLength(value.text) };
  };
  return {
    keys: [...later.keys()],
    pair: {
      before: new PartialState(seq, laterMs, [...later.values()].map(loaded)),
      after: new PartialState(to, earlierMs, [...earlier.values()].map(loaded)),
    },
  };
}

/** Undefined if there are too many changes, or not all of them have names. */
async function changesBetween(
  { store, seq, to, admit, nextTurn }: FewKeysSearch, isWanted: (key: string) => boolean,
): Promise<Found | undefined> {
  if (seq - to > BETWEEN_LINES_MAX) return undefined;
  const found = new Map<string, FoundEntry | undefined>();
  let bytes = 0;
  for await (const { events } of store.feed.read({ afterSeq: to, untilSeq: seq, admit })) {
    for (const line of events) {
      const event = eventOf(line);
      if (event.op.startsWith('clear')) return undefined;
      for (const change of keyChangesOf(event)) {
        const { key } = change;
        if (!isWanted(key)) continue;
        const value = valueIn(line, change) ?? found.get(key)?.value;
        bytes += key.length + (value?.text.length ?? 0);
        found.set(key, removesKey(change) ? undefined : entryOf(line, key, expiryAfter(change), value));
      }
    }
    if (bytes > VALUE_BYTES_MAX) return undefined;
    await reserve(admit, bytes);
    await nextTurn();
  }
  return found;
}

/** Searches the log from the earlier state backwards. Undefined if that takes too long, or the log begins too late. */
async function searchBack({ store, to, admit, nextTurn }: FewKeysSearch, keys: readonly string[]): Promise<Found | undefined> {
  const { feed } = store;
  const found = new Map<string, FoundEntry | undefined>(keys.map((key) => [key, undefined]));
  const wanted = new Set(keys);
  const afterSeq = Math.max(feed.oldestSeq - 1, to - SEARCH_LINES_MAX);
  let bytes = 0;
  for await (const { events } of feed.read({ afterSeq, untilSeq: to, isNewestFirst: true, admit })) {
    for (const line of events) bytes += takeOlder(line, wanted, found);
    if (wanted.size === 0) return found;
    if (bytes > VALUE_BYTES_MAX) return undefined;
    await reserve(admit, VALUE_BYTES_MAX + bytes);
    await nextTurn();
  }
  return afterSeq === 0 ? found : undefined;
}

/**
 * Takes what a line says about keys of which the later lines say nothing, or only when they expire.
 *
 * @param wanted keys to search on for
 * @returns bytes of the values that it took
 */
function takeOlder(line: EventLine, wanted: Set<string>, found: Map<string, FoundEntry | undefined>): number {
  const event = eventOf(line);
  if (event.op === 'clear') wanted.clear();
  if (event.op === 'clear.range') for (const key of [...wanted]) if (isInRange(key, rangeOf(event))) wanted.delete(key);
  let bytes = 0;
  for (const change of keyChangesOf(event)) {
    const { key } = change;
    if (!wanted.has(key)) continue;
    if (removesKey(change)) {
      wanted.delete(key);
      continue;
    }
    const value = valueIn(line, change);
    const known = found.get(key);
    found.set(key, known === undefined ? entryOf(line, key, expiryAfter(change), value) : { ...known, value });
    if (value === undefined) continue;
    wanted.delete(key);
    bytes += value.text.length;
  }
  return bytes;
}

function entryOf({ seq, hash, timeMs }: EventLine, key: string, expiresAtMs: number | null, value: LineValue | undefined): FoundEntry {
  return { key, seq, tag: versionTag(hash), timeMs, expiresAtMs, sizeBytes: value?.text.length ?? 0, value };
}

/** Undefined if a change has none. */
function valueIn({ seq, left }: EventLine, change: KeyChanged): LineValue | undefined {
  return setsValue(change) ? { text: change.value, erasedFrom: left === undefined ? undefined : seq } : undefined;
}
