/**
 * Builds the data files of a snapshot from the generation before it and the lines of the log after that. Commits nothing: the caller
 * compares the result with the live state and writes the manifest.
 */
import { join } from 'node:path';
import { invariant } from '../../base/invariant.js';
import type { Disk } from '../../disk/disk.js';
import { LogCorruptError } from '../../log/log-errors.js';
import type { LogLine } from '../../log/log.js';
import type { BuildJob, BuiltGeneration } from '../../projections/snapshot/file-work.js';
import { buildState } from '../build-state.js';
import { linesAfter, openProjectLog, snapshotsOf } from '../project-files.js';

/** The last line of a snapshot. */
interface LastLine {
  seq: number;
  hash: string;
  timeMs: number;
}

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
  const log = await openProjectLog(disk, job);
  const last: LastLine = { seq: previous?.seq ?? 0, hash: previous?.hash ?? '', timeMs: previous?.timeMs ?? 0 };
  if (log.firstSeq > last.seq + 1) throw missingLines(job, last.seq + 1, log.firstSeq);
  const lines = followed(linesAfter(log, previous, { toSeq, signal }), last);
  const data = await buildState({ disk, dataFolder, project, into: join(dataFolder, project), seq: toSeq, previous, lines, signal });
  return { ...data, hash: last.hash, timeMs: last.timeMs };
}

/** Passes lines on and keeps `last` at the newest of them. */
async function* followed(lines: AsyncIterable<readonly LogLine[]>, last: LastLine): AsyncGenerator<readonly LogLine[]> {
  for await (const group of lines) {
    const end = group.at(-1);
    if (end !== undefined) Object.assign(last, { seq: end.seq, hash: end.hash, timeMs: end.timeMs });
    yield group;
  }
}

function missingLines({ project }: BuildJob, expectedSeq: number, foundSeq: number): LogCorruptError {
  const place = { file: `${project}.jsonl`, offset: 0, seq: expectedSeq };
  return new LogCorruptError(place, `lines from seq ${expectedSeq} on`, `a log that begins with seq ${foundSeq}`);
}
