/**
 * Compares two states of a project from its files. Both are rebuilt in a scratch folder and read side by side, and the lines between them
 * are searched for what made the difference, so that the memory does not grow with the project.
 */
import { join } from 'node:path';
import type { LogLine } from '../../log/log.js';
import { readEntries } from '../../projections/snapshot/read-generation.js';
import type { SnapshotEntry } from '../../projections/snapshot/snapshot.js';
import { type Difference, differencesOf, type LastChange, lastChangeOf, mayRemove, removalsIn } from '../../projections/state-diff.js';
import { openProjectLog, projectEventOf } from '../project-files.js';
import { type Moment, momentText } from './moment.js';
import type { LogSource } from './replay-events.js';
import { replayState } from './replay-state.js';

/** What to compare, and where to rebuild it. */
interface DiffOptions extends LogSource {
  /** Undefined: the empty state before the first line. */
  readonly from: Moment | undefined;
  /** Undefined: after the last line. */
  readonly to: Moment | undefined;
  /** Keys that begin with it. */
  readonly prefix: string;
  /** Called with the number of values in a state that were erased, if there are any; `null` stands for each. */
  readonly onErased?: ((count: number) => void) | undefined;
  /** The folder to rebuild in, absolute; must exist, outside the data folder. */
  readonly scratchFolder: string;
}

/** A key that two stored states differ in. */
export interface StoredDifference extends Difference<SnapshotEntry> {
  readonly last: LastChange;
}

/** The second state is the earlier one. */
export class ReversedRangeError extends Error {
  override readonly name = 'ReversedRangeError';
}

/** A state that was rebuilt. */
interface RebuiltState {
  readonly seq: number;
  readonly entries: AsyncIterable<readonly SnapshotEntry[]>;
}

/** Differences whose lines are searched together, and bytes of their keys and values, at most. */
const BATCH_MAX = 65_536;
const BATCH_BYTES_MAX = 16_777_216;

/**
 * Finds the keys whose value or expiry differs, each with the line of its last change.
 *
 * @returns keys in groups, ascending by their UTF-8 bytes
 * @throws {ReversedRangeError} when `to` is before `from`
 * @throws {OutOfReachError} when the log does not reach one of them, or its beginning is gone and no snapshot covers it
 * @throws {LogCorruptError} when a line is damaged
 */
export async function* diffStoredStates(options: DiffOptions): AsyncGenerator<readonly StoredDifference[]> {
  const { from, to, prefix } = options;
  const before = from === undefined ? { seq: 0, entries: nothing() } : await rebuild(options, 'from', from);
  const after = await rebuild(options, 'to', to);
  if (before.seq > after.seq) {
    throw new ReversedRangeError(`${placeText(to, after.seq)} is before ${placeText(from, before.seq)}`);
  }
  const range = { fromSeq: before.seq + 1, toSeq: after.seq };
  let waiting: Difference<SnapshotEntry>[] = [];
  let bytes = 0;
  for await (const group of differencesOf(before.entries, after.entries)) {
    const found = group.filter((difference) => difference.key.startsWith(prefix) && !isEqual(difference));
    for (const difference of found) bytes += sizeOf(difference);
    waiting.push(...found);
    if (waiting.length < BATCH_MAX && bytes < BATCH_BYTES_MAX) continue;
    yield await withLines(options, range, waiting);
    waiting = [];
    bytes = 0;
  }
  if (waiting.length > 0) yield await withLines(options, range, waiting);
}

function placeText(moment: Moment | undefined, seq: number): string {
  const text = momentText(moment);
  return moment !== undefined && 'seq' in moment ? text : `${text} (seq ${seq})`;
}

async function* nothing(): AsyncGenerator<readonly SnapshotEntry[]> {
  // Yields no group.
}

async function rebuild(
  { disk, dataFolder, project, scratchFolder, onErased, signal }: DiffOptions, name: string, until: Moment | undefined,
): Promise<RebuiltState> {
  const folder = join(scratchFolder, name);
  await disk.makeFolder(folder);
  const { seq, generation, erasedCount } = await replayState({
    disk, dataFolder, project, until, scratchFolder: folder, hidesExpired: true, signal,
  });
  if (erasedCount > 0) onErased?.(erasedCount);
  return { seq, entries: readEntries({ disk, folder, manifest: generation, signal }) };
}

function isEqual({ before, after }: Difference<SnapshotEntry>): boolean {
  return before?.value === after?.value && before?.expiresAtMs === after?.expiresAtMs;
}

function sizeOf({ key, before, after }: Difference<SnapshotEntry>): number {
  return key.length + (before?.sizeBytes ?? 0) + (after?.sizeBytes ?? 0);
}

/** The last line about a key is the last change of it: later ones replace earlier ones. */
async function withLines(
  { disk, dataFolder, project, signal }: DiffOptions, range: { readonly fromSeq: number; readonly toSeq: number },
  differences: readonly Difference<SnapshotEntry>[],
): Promise<readonly StoredDifference[]> {
  const seqs = new Set(differences.flatMap(({ after }) => (after === undefined ? [] : [after.seq])));
  const gone = new Set(differences.flatMap(({ key, after }) => (after === undefined ? [key] : [])));
  const bySeq = new Map<number, LastChange>();
  const removals = new Map<string, LastChange>();
  const { files } = await openProjectLog(disk, { dataFolder, project });
  for await (const group of files.lines({ ...range, ...(signal && { signal }) })) {
    for (const line of group) {
      if (seqs.has(line.seq)) bySeq.set(line.seq, changeOf(line));
      if (gone.size === 0 || !mayRemove(line.op)) continue;
      for (const [key, change] of removalsIn({ ...changeOf(line), event: projectEventOf(line) }, gone)) removals.set(key, change);
    }
  }
  return differences.map((difference) => {
    const { key, before, after } = difference;
    return { ...difference, last: lastChangeOf({ key, last: after, expiresAtMs: before?.expiresAtMs ?? null }, bySeq, removals) };
  });
}

function changeOf({ seq, timeMs, op, actor, request }: LogLine): LastChange {
  return { seq, timeMs, op, actor, request };
}
