/**
 * What two past states of a project differ in, and the lines that made the difference. Reads both states side by side, so that the memory
 * does not grow with them.
 */
import { AppError } from '../base/app-error.js';
import type { DirectedRange } from '../events/key-range.js';
import type { EventLine } from '../log/event-lines.js';
import {
  type ChangedKey, type Difference, differencesOf, type LastChange, lastChangeOf, mayRemove, removalsIn,
} from '../projections/state-diff.js';
import type { EventFeed } from './event-feed.js';
import { eventOf } from './event-of-line.js';
import { countFitting } from './past-reads.js';
import type { PastEntry, PastState } from './past-state.js';
import { type Admission, reserve } from './project-reads.js';

/** A key that two past states differ in. */
export type PastDifference = Difference<PastEntry>;

/** What is needed of a state to compare given keys of it. */
export type ComparableState = Pick<PastState, 'seq' | 'get' | 'load'>;

/** Two states of a project. */
export interface StatePair<State extends ComparableState = ComparableState> {
  readonly before: State;
  readonly after: State;
}

/** What reading needs. */
interface ReadingParts {
  /** Reserves memory before values are loaded. */
  readonly admit: Admission;
  /** Awaited before each piece. */
  readonly nextTurn: () => Promise<void>;
}

/** Entries that are read at once. */
const SLICE_ENTRIES = 1000;
/** Lines of which none is wanted, and which are read all the same, since finding a line costs as much as reading so many. */
const GAP_LINES_MAX = 100;

/**
 * Finds the keys of a range whose value or expiry differs, in their order. A key that was given the same again does not.
 *
 * @returns groups, some of them empty
 */
export async function* pastDifferences(
  pair: StatePair<PastState>, range: DirectedRange, parts: ReadingParts,
): AsyncGenerator<readonly PastDifference[]> {
  const { before, after } = pair;
  if (before.seq === after.seq) return;
  const versions = differencesOf(entriesOf(before, range, parts.nextTurn), entriesOf(after, range, parts.nextTurn));
  for await (const found of versions) yield await withoutEqual(pair, found, parts);
}

/**
 * Finds those of some keys whose value or expiry differs.
 *
 * @param keys in the order of the result
 */
export async function* pastDifferencesOf(
  pair: StatePair, keys: readonly string[], parts: ReadingParts,
): AsyncGenerator<readonly PastDifference[]> {
  const { before, after } = pair;
  for (let first = 0; first < keys.length; first += SLICE_ENTRIES) {
    await parts.nextTurn();
    const found = await Promise.all(keys.slice(first, first + SLICE_ENTRIES).map(async (key) => (
      { key, before: await before.get(key), after: await after.get(key) }
    )));
    yield await withoutEqual(pair, found.filter((one) => one.before?.seq !== one.after?.seq), parts);
  }
}

async function* entriesOf(state: PastState, range: DirectedRange, nextTurn: () => Promise<void>): AsyncGenerator<readonly PastEntry[]> {
  for (let from = range; ;) {
    await nextTurn();
    const { entries, isLast } = await state.slice(from, SLICE_ENTRIES);
    yield entries;
    const last = entries.at(-1);
    if (isLast || last === undefined) return;
    from = { ...range, after: last.key };
  }
}

/** Leaves out keys that have the same value and expiry in another version. */
async function withoutEqual(
  pair: StatePair, found: readonly PastDifference[], { admit, nextTurn }: ReadingParts,
): Promise<readonly PastDifference[]> {
  const alike = found.filter(isAlike);
  const equal = new Set<string>();
  for (let first = 0; first < alike.length;) {
    if (first > 0) await nextTurn();
    const piece = alike.slice(first, first + countFitting(alike.slice(first).map(valueBytesOf)));
    first += piece.length;
    for (const key of await equalIn(pair, piece, admit)) equal.add(key);
  }
  return equal.size === 0 ? found : found.filter(({ key }) => !equal.has(key));
}

/** A value that was erased is equal to none. */
async function equalIn(pair: StatePair, piece: readonly PastDifference[], admit: Admission): Promise<readonly string[]> {
  try {
    const [old, young] = await loadBoth(pair, piece, admit);
    return piece.filter((_difference, index) => old[index] === young[index]).map(({ key }) => key);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'value_redacted')) throw error;
    const equal: string[] = [];
    if (piece.length > 1) for (const one of piece) equal.push(...await equalIn(pair, [one], admit));
    return equal;
  }
}

function isAlike({ before, after }: PastDifference): boolean {
  return before !== undefined && after !== undefined && before.sizeBytes === after.sizeBytes && before.expiresAtMs === after.expiresAtMs;
}

/** The size of the values of a key in both states. */
export function valueBytesOf({ before, after }: PastDifference): number {
  return (before?.sizeBytes ?? 0) + (after?.sizeBytes ?? 0);
}

/**
 * Loads the values of keys in both states.
 *
 * @param admit reserves memory for them
 * @returns for each state a value of each key, token for token; undefined where the key was not there
 */
export async function loadBoth(
  { before, after }: StatePair, found: readonly PastDifference[], admit: Admission,
): Promise<readonly [readonly (string | undefined)[], readonly (string | undefined)[]]> {
  const sizeBytes = found.reduce((sum, difference) => sum + valueBytesOf(difference), 0);
  await reserve(admit, sizeBytes);
  const old = await loadSome(before, found.map((difference) => difference.before));
  return [old, await loadSome(after, found.map((difference) => difference.after))];
}

async function loadSome(state: ComparableState, entries: readonly (PastEntry | undefined)[]): Promise<readonly (string | undefined)[]> {
  const present = entries.filter((entry) => entry !== undefined);
  const values = (await state.load(present)).values();
  return entries.map((entry) => (entry === undefined ? undefined : values.next().value));
}

/** The lines among which the changes are, and what reading them needs. */
interface ChangeSearch extends ReadingParts {
  readonly feed: EventFeed;
  /** The seq before the first line. */
  readonly afterSeq: number;
  readonly untilSeq: number;
}

/**
 * Finds the last change of keys that changed within a range of lines.
 *
 * @throws {LinesDroppedError} if lines of the range no longer exist
 * @throws {LogCorruptError} if a line on disk is not the one that was written
 */
export async function lastChangesOf(search: ChangeSearch, keys: readonly ChangedKey[]): Promise<ReadonlyMap<string, LastChange>> {
  const bySeq = await changesAt(search, keys.flatMap(({ last }) => (last === undefined ? [] : [last.seq])));
  const removals = await removalsOf(search, keys.flatMap(({ key, last }) => (last === undefined ? [key] : [])));
  return new Map(keys.map((one) => [one.key, lastChangeOf(one, bySeq, removals)]));
}

/** Lines that are read together. */
interface Run {
  readonly first: number;
  last: number;
}

async function changesAt(
  { feed, admit, nextTurn }: ChangeSearch, seqs: readonly number[],
): Promise<ReadonlyMap<number, LastChange>> {
  // After a jump of the clock, a key may be there again that has a version of long ago.
  const wanted = new Set(seqs.filter((seq) => seq >= feed.oldestSeq));
  const runs: Run[] = [];
  for (const seq of [...wanted].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && seq - run.last <= GAP_LINES_MAX) run.last = seq;
    else runs.push({ first: seq, last: seq });
  }
  const changes = new Map<number, LastChange>();
  for (const { first, last } of runs) {
    for await (const { events } of feed.read({ afterSeq: first - 1, untilSeq: last, admit })) {
      for (const line of events) if (wanted.has(line.seq)) changes.set(line.seq, changeOf(line));
      await nextTurn();
    }
  }
  return changes;
}

/** From the newest line backwards: the first one about a key is the last one about it. */
async function removalsOf(
  { feed, afterSeq, untilSeq, admit, nextTurn }: ChangeSearch, keys: readonly string[],
): Promise<ReadonlyMap<string, LastChange>> {
  const removals = new Map<string, LastChange>();
  const wanted = new Set(keys);
  if (wanted.size === 0) return removals;
  for await (const { events } of feed.read({ afterSeq, untilSeq, isNewestFirst: true, admit })) {
    for (const line of events) {
      if (!mayRemove(line.op)) continue;
      for (const [key, change] of removalsIn({ ...changeOf(line), event: eventOf(line) }, wanted)) {
        removals.set(key, change);
        wanted.delete(key);
      }
      if (wanted.size === 0) return removals;
    }
    await nextTurn();
  }
  return removals;
}

function changeOf({ seq, timeMs, op, actor, text, bodyStart }: EventLine): LastChange {
  // An actor and an id of a request need no escapes.
  const [, request = ''] = /"request":"([^"]*)"/.exec(text.toString('latin1', 0, bodyStart)) ?? [];
  return { seq, timeMs, op, actor, request };
}
