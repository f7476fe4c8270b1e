/**
 * Builds the data files of a snapshot from files alone: the generation before, and the lines of the log after it. Commits
 * nothing: whoever asked compares the result with what it knows, and writes the manifest.
 */
import { join } from 'node:path';
import { invariant } from '../base/invariant.js';
import type { Disk } from '../disk/disk.js';
import { LogPaths } from '../log/file/log-paths.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogPosition } from '../log/log.js';
import { buildSnapshot } from '../projections/snapshot/build-snapshot.js';
import type { SnapshotChange, SnapshotManifest } from '../projections/snapshot/snapshot.js';
import { snapshotsOf } from './project-snapshots.js';
import { openProjectLines, type ProjectLines } from './project-lines.js';
import { ProjectTexts } from './project-texts.js';
import { changeOf } from './snapshot-changes.js';
import type { BuildJob, BuiltGeneration } from './tasks.js';

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
 * @param job what from, up to where
 * @param place the disk, and what ends the work
 * @returns what was built; no manifest names it yet
 * @throws {SnapshotCorruptError} when the generation to build on is damaged: its files, not the log
 * @throws {LogCorruptError} when the log is damaged, does not go on from that generation, or does not reach so far
 * @throws {AppError} `disk_full`
 */
export async function buildGeneration(job: BuildJob, { disk, signal }: WorkPlace): Promise<BuiltGeneration> {
  const folder = join(job.dataFolder, job.project);
  const previous = job.previousSeq === undefined ? undefined : await snapshotsOf(disk, job).read(job.previousSeq);
  invariant(previous === undefined || previous.seq < job.toSeq, 'a snapshot holds more than the one before');
  const log = await openProjectLines(disk, job);
  const texts = new ProjectTexts(disk, new LogPaths(job.dataFolder, job.project), { folder, seq: job.toSeq });
  try {
    const last: LastLine = { seq: previous?.seq ?? 0, hash: previous?.hash ?? '', timeMs: previous?.timeMs ?? 0 };
    const changes = changesAfter({ log, previous, last }, job, signal);
    const data = await buildSnapshot({ disk, folder, seq: job.toSeq, previous, changes, readText: (place) => texts.read(place), signal });
    return { ...data, hash: last.hash, timeMs: last.timeMs };
  } finally {
    await texts.close();
  }
}

/** Where changes come from, and how far they have been read. */
interface ChangeSource {
  readonly log: ProjectLines;
  readonly previous: SnapshotManifest | undefined;
  readonly last: LastLine;
}

/** The changes after a generation, in groups; `last` follows them. */
async function* changesAfter(
  { log, previous, last }: ChangeSource, job: BuildJob, signal: AbortSignal | undefined,
): AsyncGenerator<readonly SnapshotChange[]> {
  const { before } = log;
  if (before.seq > last.seq) throw missingLines(job, last.seq + 1, before.seq + 1);
  if (previous !== undefined && before.seq === previous.seq) refuseOtherHistory(before, previous, job);
  // The line that the snapshot ends with is read again, where it is still there, to see that it is of this history.
  const fromSeq = Math.max(1, previous !== undefined && previous.seq > before.seq ? previous.seq : last.seq + 1);
  for await (const group of log.files.lines({ fromSeq, toSeq: job.toSeq, ...(signal && { signal }) })) {
    const changes: SnapshotChange[] = [];
    for (const line of group) {
      if (line.seq === previous?.seq) refuseOtherHistory(line, previous, job);
      else {
        const change = changeOf(line);
        if (change !== undefined) changes.push(change);
        Object.assign(last, { seq: line.seq, hash: line.hash, timeMs: line.timeMs });
      }
    }
    if (changes.length > 0) yield changes;
  }
}

/** The line that the snapshot ends with is another one than it says: they belong to different histories. */
function refuseOtherHistory(line: LogPosition, previous: SnapshotManifest, { project }: BuildJob): void {
  if (line.hash === previous.hash) return;
  const place = { file: `${project}.jsonl`, offset: 0, seq: line.seq };
  throw new LogCorruptError(place, `hash ${previous.hash} as the snapshot says`, `hash ${line.hash}`);
}

function missingLines({ project }: BuildJob, expectedSeq: number, foundSeq: number): LogCorruptError {
  const place = { file: `${project}.jsonl`, offset: 0, seq: expectedSeq };
  return new LogCorruptError(place, `lines from seq ${expectedSeq} on`, `a log that begins with seq ${foundSeq}`);
}
