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
import { snapshotName } from '../projections/snapshot/snapshot-names.js';
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
 * Reads all of a snapshot and checks it. What a reading of it reported may have been the reading, or has been put right since.
 *
 * @returns what is wrong with it; undefined where every byte is as it was written
 */
export async function damageOf(
  snapshots: SnapshotFolder, manifest: SnapshotManifest, signal: AbortSignal,
): Promise<SnapshotCorruptError | undefined> {
  try {
    const found = await snapshots.read(manifest.seq);
    const isSame = found.json.sha256 === manifest.json.sha256 && found.index.sha256 === manifest.index.sha256;
    const place = { file: snapshotName(manifest.seq, 'manifest'), offset: 0 };
    if (!isSame) return new SnapshotCorruptError(place, 'the digests that were committed', 'others');
    await snapshots.verify(manifest, { signal });
    return undefined;
  } catch (error) {
    if (error instanceof SnapshotCorruptError) return error;
    throw error;
  }
}

/**
 * Proves, by reading and checking them, that the log has all lines between two seqs: only then may a damaged snapshot of the second go
 * for a sound one of the first, since what can still be read of it may be nowhere else.
 *
 * @param between what holds everything before, 0 for nothing, and the seq that must be reached
 * @returns false where retention, a repair or a move has left a gap, or where the log is damaged as well
 */
export async function hasLines(
  log: Log, { afterSeq, toSeq }: { readonly afterSeq: number; readonly toSeq: number }, signal: AbortSignal,
): Promise<boolean> {
  let seq = afterSeq;
  if (seq >= toSeq) return true;
  try {
    // A reading begins with the first line that is kept, whatever was asked for.
    for await (const line of log.read({ fromSeq: seq + 1, toSeq, signal })) {
      if (line.seq !== seq + 1) return false;
      ({ seq } = line);
    }
    return seq === toSeq;
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

/**
 * Tells damage, which stays until a person does something about it, from failures that pass.
 *
 * @returns true where files of the project are damaged
 */
export function isDamage(error: unknown): error is Error {
  // By its name, since it may come from another thread.
  return (error instanceof AppError && error.code === 'project_corrupt') || (error instanceof Error && error.name === 'ValueChangedError');
}

/** Makes the error for snapshots that are damaged and hold what is nowhere else. */
export function irreplaceable(project: string, damages: readonly SnapshotCorruptError[]): AppError {
  const places = damages.map(({ file, offset, expected, found }) => (
    `"${project}/${file}" at byte ${offset}: expected ${expected}, found ${found}`
  ));
  const reason = 'a snapshot is damaged, and neither an older one nor the log holds all of it';
  return new AppError('project_corrupt', `Cannot make the snapshot: ${reason}; ${places.join('; ')}`);
}

/**
 * Points every value at an older snapshot or at the log, which {@link damageOf} and {@link hasLines} have proved to have it.
 *
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
