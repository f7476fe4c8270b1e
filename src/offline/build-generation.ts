/**
 * Builds the data files of a snapshot from files alone: the generation before, and the lines of the log after it. Commits
 * nothing: the caller compares the result with what it knows, and writes the manifest.
 */
import { join } from 'node:path';
import { invariant } from '../base/invariant.js';
import type { Disk } from '../disk/disk.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogLine } from '../log/log.js';
import { snapshotsOf } from './project-snapshots.js';
import { linesAfter, openProjectLines } from './project-lines.js';
import { buildState } from './state-build.js';
import type { BuildJob, BuiltGeneration } from '../projections/snapshot/file-work.js';

/** Where work on files is done, and what ends it. */
export interface WorkPlace {
  readonly disk: Disk;
  /** Ends the work, throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The last line that a snapshot holds. */
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
 * @throws {LogCorruptError} when the log is damaged, does not go on from that generation, or does not reach so far
 * @throws {AppError} `disk_full`
 */
export async function buildGeneration(job: BuildJob, { disk, signal }: WorkPlace): Promise<BuiltGeneration> {
  const { dataFolder, project, toSeq } = job;
  const previous = job.previousSeq === undefined ? undefined : await snapshotsOf(disk, job).read(job.previousSeq);
  invariant(previous === undefined || previous.seq < toSeq, 'a snapshot holds more than the one before');
  const log = await openProjectLines(disk, job);
  const last: LastLine = { seq: previous?.seq ?? 0, hash: previous?.hash ?? '', timeMs: previous?.timeMs ?? 0 };
  if (log.firstSeq > last.seq + 1) throw missingLines(job, last.seq + 1, log.firstSeq);
  const lines = followed(linesAfter(log, previous, { toSeq, signal }), last);
  const data = await buildState({ disk, dataFolder, project, into: join(dataFolder, project), seq: toSeq, previous, lines, signal });
  return { ...data, hash: last.hash, timeMs: last.timeMs };
}

/** The same lines; `last` follows them. */
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
