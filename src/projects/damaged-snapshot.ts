/**
 * Leaving a damaged snapshot behind while its project is served: whatever lay in it is read from an older snapshot and from the log, which
 * hold it as well, until a new snapshot is made. A start does not find such damage where values stay on disk, since it reads no value.
 *
 * What a crash leaves: the damaged snapshot, or none of that seq; a start reads the log either way.
 */
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { decodeEvent } from '../events/codec.js';
import type { Log, LogLine } from '../log/log.js';
import { SnapshotCorruptError } from '../projections/snapshot/snapshot-errors.js';
import type { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { placeOfSetValue, type PlacedVersion, versionsInSnapshot } from '../projections/value-place.js';
import type { ProjectStore } from '../store/project-store.js';

/** How many lines are pointed at together. */
const GROUP_LINES = 1000;

/** Where the values of a project are to be found. */
export interface ValueSources {
  readonly store: ProjectStore;
  readonly snapshots: SnapshotFolder;
  readonly log: Log;
}

/**
 * Proves, by reading and checking all of it, that everything up to a seq can be had from an older snapshot and the log: only then may a
 * damaged snapshot go, since what can still be read of it may be nowhere else.
 *
 * @param sources snapshots and log
 * @param fallback the snapshot to begin with, and the seq that must be reached; no snapshot: the log from its first line
 * @param signal ends it with its reason
 * @returns false where retention, a repair or a move has left a gap, or where something of it is damaged as well
 */
export async function holdsAll(
  { snapshots, log }: Pick<ValueSources, 'snapshots' | 'log'>,
  { fallback, toSeq }: { readonly fallback: SnapshotManifest | undefined; readonly toSeq: number }, signal: AbortSignal,
): Promise<boolean> {
  try {
    if (fallback !== undefined) await snapshots.verify(fallback, { signal });
    let { seq } = fallback ?? { seq: 0 };
    if (seq >= toSeq) return true;
    // A reading begins with the first line that is kept, whatever was asked for.
    for await (const line of log.read({ fromSeq: seq + 1, toSeq, signal })) {
      if (line.seq !== seq + 1) return false;
      ({ seq } = line);
    }
    return seq === toSeq;
  } catch (error) {
    if (error instanceof SnapshotCorruptError || (error instanceof AppError && error.code === 'project_corrupt')) return false;
    throw error;
  }
}

/**
 * Points every value at an older snapshot or at the log, which {@link holdsAll} has proved to have it.
 *
 * @param sources store, snapshots, log
 * @param fallback the newest snapshot that holds; undefined for none
 * @param signal ends it; what has been pointed elsewhere stays so
 * @throws {LogCorruptError} when the log is damaged as well
 */
export async function readFromBefore(
  { store, snapshots, log }: ValueSources, fallback: SnapshotManifest | undefined, signal: AbortSignal,
): Promise<void> {
  if (fallback !== undefined) await store.relocate(versionsInSnapshot(snapshots.readIndex(fallback), fallback.seq));
  const lines = log.read({ fromSeq: (fallback?.seq ?? 0) + 1, signal });
  await store.relocate(versionsInLog(lines));
  signal.throwIfAborted();
  await store.settleReads();
}

async function* versionsInLog(lines: AsyncIterable<LogLine>): AsyncGenerator<readonly PlacedVersion[]> {
  let group: PlacedVersion[] = [];
  for await (const { op, body, seq, place } of lines) {
    if (op !== 'set') continue;
    const event = decodeEvent(op, body);
    invariant(event.op === 'set' && place !== undefined, `the line of seq ${seq} sets a key and lies in a file`);
    group.push({ key: event.key, seq, place: placeOfSetValue(place, event.value) });
    if (group.length < GROUP_LINES) continue;
    yield group;
    group = [];
  }
  yield group;
}
