/**
 * Replaces a damaged snapshot while its project is served: its content is read from an older snapshot and the log, which hold it as
 * well, until a new snapshot is made. Startup does not find such damage if values stay on disk, because it reads no value then.
 *
 * What a crash leaves: the damaged snapshot, or none of that seq; startup reads the log either way.
 */
import { AppError } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { decodeLineEvent } from '../../events/codec.js';
import { keyChangesOf } from '../../events/event.js';
import type { Log, LogLine } from '../../log/log.js';
import { SnapshotCorruptError } from '../../projections/snapshot/snapshot-errors.js';
import type { SnapshotManifest } from '../../projections/snapshot/snapshot.js';
import { placesOfValues, type PlacedVersion, touchedSinceOlderSource, versionsInSnapshot } from '../../projections/value-place.js';
import type { CompactionParts } from './project-compaction.js';

/** Lines whose values are relocated together. */
const GROUP_LINES = 1000;

/**
 * Reads a whole snapshot and checks it, in a background task: that takes as long as building one.
 *
 * @returns the damage; undefined if every byte is as it was written
 */
export async function damageOf(
  { tasks, log: { project, logId }, dataFolder }: Pick<CompactionParts, 'tasks' | 'log' | 'dataFolder'>,
  { seq, json, index, requests }: SnapshotManifest,
  signal: AbortSignal,
): Promise<SnapshotCorruptError | undefined> {
  const check = await tasks.verify({ dataFolder, project, logId, seq, json, index, requests }, signal);
  return check.isSound ? undefined : new SnapshotCorruptError(check.place, check.expected, check.found);
}

/**
 * Proves by reading that the log has all lines after `afterSeq` up to `toSeq`. Only then may a sound snapshot of the first replace a
 * damaged one of the second: the readable parts of the damaged one may exist nowhere else.
 *
 * @param range `afterSeq` is 0 for the whole log
 * @returns false if retention, a repair or a move has left a gap, or if the log is damaged as well
 */
export async function hasLines(
  log: Log, { afterSeq, toSeq }: { readonly afterSeq: number; readonly toSeq: number }, signal: AbortSignal,
): Promise<boolean> {
  let seq = afterSeq;
  if (seq >= toSeq) return true;
  try {
    // A read begins with the first line that is kept, whatever `fromSeq` says.
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

/** Whether an error reports damaged files, which stay damaged until a person acts, and not a failure that may pass. */
export function isDamage(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'project_corrupt';
}

/**
 * Turns any error of a compaction into one for its caller.
 *
 * @returns an AppError as it is, `project_corrupt` for damage, `compaction_failed` for everything else
 */
export function toCompactionError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDamage(error)) return new AppError('project_corrupt', error.message, { cause: error });
  return new AppError('compaction_failed', 'Cannot make the snapshot: the server log says why', { cause: error });
}

/** The error for damaged snapshots whose content exists nowhere else. */
export function irreplaceable(project: string, damages: readonly SnapshotCorruptError[]): AppError {
  const places = damages.map(({ file, offset, expected, found }) => (
    `"${project}/${file}" at byte ${offset}: expected ${expected}, found ${found}`
  ));
  const reason = 'a snapshot is damaged, and neither an older one nor the log holds all of it';
  return new AppError('project_corrupt', `Cannot make the snapshot: ${reason}; ${places.join('; ')}`);
}

/**
 * Points every value at an older snapshot or at the log, both proved by {@link damageOf} and {@link hasLines}.
 *
 * @param fallback the newest sound snapshot; undefined for none
 * @param signal aborts; values relocated until then stay relocated
 * @throws {LogCorruptError} if the log is damaged as well
 */
export async function relocateToOlderSources(
  { store: { reads }, snapshots, log }: Pick<CompactionParts, 'store' | 'snapshots' | 'log'>,
  fallback: SnapshotManifest | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (fallback !== undefined) {
    await reads.relocate(versionsInSnapshot(snapshots.readIndex(fallback), fallback.seq), touchedSinceOlderSource);
  }
  await reads.relocate(versionsInLog(log.read({ fromSeq: (fallback?.seq ?? 0) + 1, signal })), touchedSinceOlderSource);
  signal.throwIfAborted();
  await reads.settleReads();
}

async function* versionsInLog(lines: AsyncIterable<LogLine>): AsyncGenerator<readonly PlacedVersion[]> {
  let group: PlacedVersion[] = [];
  for await (const line of lines) {
    const { op, seq, place } = line;
    // No key has an erased value.
    if ((op !== 'set' && op !== 'set.until' && op !== 'batch') || line.erasedBy !== undefined) continue;
    const event = decodeLineEvent(line);
    const setsKeys = event.op === 'set' || event.op === 'set.until' || event.op === 'batch';
    invariant(setsKeys && place !== undefined, `the line of seq ${seq} sets keys and lies in a file`);
    const places = placesOfValues(event, place);
    for (const [index, { key }] of keyChangesOf(event).entries()) {
      const valuePlace = places[index];
      if (valuePlace !== undefined) group.push({ key, seq, place: valuePlace });
    }
    if (group.length < GROUP_LINES) continue;
    yield group;
    group = [];
  }
  yield group;
}
