/**
 * Leaving a damaged snapshot behind while its project is served: whatever lay in it is read from an older snapshot and from the log, which
 * hold it as well, until a new snapshot is made. A start does not find such damage where values stay on disk, since it reads no value.
 *
 * What a crash leaves: the damaged snapshot, or none of that seq; a start reads the log either way.
 */
import { invariant } from '../base/invariant.js';
import { decodeEvent } from '../events/codec.js';
import type { Log, LogLine } from '../log/log.js';
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
 * Tells whether everything up to the present can be had without some snapshots.
 *
 * @param log the project's log
 * @param fallback the newest snapshot that holds; undefined for none
 * @returns false where retention, a repair or a move has left a gap that only a damaged snapshot fills
 */
export function reachesBack(log: Log, fallback: SnapshotManifest | undefined): boolean {
  const firstSeq = log.sealed?.list()[0]?.firstSeq ?? (log.base?.seq ?? 0) + 1;
  return firstSeq <= (fallback?.seq ?? 0) + 1;
}

/**
 * Points every value at an older snapshot or at the log.
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
