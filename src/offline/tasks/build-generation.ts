/**
 * Builds the data files of a snapshot from the generation before it and the lines of the log after that. Commits nothing: the caller
 * compares the result with the live state and writes the manifest.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { IN_THIS_THREAD } from '../../log/file/segment/checked-lines.js';
import { LogCorruptError } from '../../log/log-errors.js';
import type { BuildJob, BuiltGeneration } from '../../projections/snapshot/file-work.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog, snapshotsOf } from '../project-files.js';

/**
 * Builds the data files of a snapshot.
 *
 * @returns what was built; no manifest names it yet
 * @throws {SnapshotCorruptError} when the generation to build on is damaged: its files, not the log
 * @throws {LogCorruptError} when the log is damaged, does not continue that generation, or ends before `toSeq`
 * @throws {AppError} `disk_full`
 */
export async function buildGeneration(job: BuildJob, disk: Disk, signal?: AbortSignal): Promise<BuiltGeneration> {
  const { dataFolder, project, toSeq } = job;
  const previous = job.previousSeq === undefined ? undefined : await snapshotsOf(disk, job).read(job.previousSeq);
  invariant(previous === undefined || previous.seq < toSeq, 'a snapshot holds more than the one before');
  const log = await openProjectLog(disk, job, IN_THIS_THREAD);
  const nextSeq = (previous?.seq ?? 0) + 1;
  if (log.firstSeq > nextSeq) {
    const place = { file: `${project}.jsonl`, offset: 0, seq: nextSeq };
    throw new LogCorruptError(place, `lines from seq ${nextSeq} on`, `a log that begins with seq ${log.firstSeq}`);
  }
  const lines = linesAfter(log, previous, toSeq, signal);
  const { last, ...data } = await buildState({
    disk, dataFolder, project, into: join(dataFolder, project), seq: toSeq, previous, lines, signal,
  });
  invariant(last !== undefined, 'a generation has lines that the one before lacks');
  return { ...data, hash: last.hash, timeMs: last.timeMs };
}
