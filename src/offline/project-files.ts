/**
 * The log and the snapshots of a project, opened from its files, for work that must know whether both are of one history.
 */
import { join } from 'node:path';
import { isErrno } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import type { Disk } from '../disk/disk.js';
import { decodeLineEvent } from '../events/codec.js';
import { isProjectEvent, type ProjectEvent } from '../events/event.js';
import { StoredLog } from '../log/file/reading/stored-log.js';
import { LogPaths } from '../log/file/log-paths.js';
import { activeFile, headerOf, listSegments, segmentFile } from '../log/file/segment/segment-files.js';
import type { LineChecker } from '../log/file/segment/checked-lines.js';
import type { SegmentHeader } from '../log/segment-format.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogLine, LogPosition } from '../log/log.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';
import type { SnapshotPosition } from '../projections/snapshot/snapshot.js';
import { SnapshotFolder } from '../projections/snapshot/snapshot-folder.js';

/** A project's log, opened for reading. */
export interface ProjectLog {
  readonly files: StoredLog;
  /** Seq of the first line that is there, taken from the name of its segment, so that a damaged header does not matter. */
  readonly firstSeq: number;
  /**
   * Reads the position that the first line follows.
   *
   * @throws {LogCorruptError} when its segment does not begin with a header
   */
  before(): Promise<LogPosition>;
  /**
   * Tells whether the log continues from a snapshot and still begins with the first line after it.
   *
   * @throws {LogCorruptError} when its first segment does not begin with a header
   */
  isAfterBase(): Promise<boolean>;
}

/** A server may compress or remove the oldest segment between listing and opening it: tries before giving up. */
const ATTEMPTS = 4;

/** Returns the snapshots of a project. Opens nothing yet. */
export function snapshotsOf(disk: Disk, { dataFolder, project }: Pick<FilesOfProject, 'dataFolder' | 'project'>): SnapshotFolder {
  return new SnapshotFolder({ disk, folder: join(dataFolder, project), readable: join(dataFolder, `${project}.json`) });
}

/**
 * Opens a project's log for reading.
 *
 * @param checker see `StoredLog.open`
 * @throws {LogCorruptError} when there is none, or its id is not `logId`
 */
export async function openProjectLog(
  disk: Disk, { dataFolder, project, logId }: Omit<FilesOfProject, 'logId'> & { readonly logId?: string }, checker?: LineChecker,
): Promise<ProjectLog> {
  const file = `${project}.jsonl`;
  const files = await StoredLog.open(disk, dataFolder, project, checker);
  if (files === undefined) throw new LogCorruptError({ file, offset: 0 }, 'the active segment', 'no such file');
  if (logId !== undefined && files.logId !== logId) {
    throw new LogCorruptError({ file, offset: 0 }, `log_id ${logId}`, `log_id ${files.logId}`);
  }
  const paths = new LogPaths(dataFolder, project);
  const [oldest] = await listSegments(disk, paths);
  const before = async (): Promise<LogPosition> => {
    const header = await oldestHeader(disk, paths);
    return { seq: header.firstSeq - 1, hash: header.previousHash };
  };
  const isAfterBase = async (): Promise<boolean> => (await oldestHeader(disk, paths)).base !== undefined;
  return { files, firstSeq: oldest?.firstSeq ?? 1, before, isAfterBase };
}

async function oldestHeader(disk: Disk, paths: LogPaths): Promise<SegmentHeader> {
  for (let attempt = 1; ; attempt += 1) {
    const [oldest] = await listSegments(disk, paths);
    const file = oldest === undefined ? activeFile(paths) : segmentFile(paths, oldest);
    try {
      return await headerOf(disk, file);
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || attempt === ATTEMPTS) throw error;
    }
  }
}

/**
 * Reads the lines after a snapshot. Reads the snapshot's last line again, if the log still has it, to check that both are of one history.
 *
 * @param log a log that begins no later than right after the snapshot
 * @param previous the snapshot; undefined: from the first line on
 * @param toSeq must be durable already
 * @throws {LogCorruptError} when a line is damaged, or the log is of another history than the snapshot
 */
export async function* linesAfter(
  { files, firstSeq, before }: ProjectLog, previous: SnapshotPosition | undefined, toSeq: number, signal?: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const isReadAgain = previous !== undefined && previous.seq >= firstSeq;
  if (previous !== undefined && !isReadAgain) refuseOtherHistory(files.project, await before(), previous);
  const fromSeq = isReadAgain ? previous.seq : firstSeq;
  if (fromSeq > toSeq) return;
  for await (const group of files.lines({ fromSeq, toSeq, ...(signal && { signal }) })) {
    const [first] = group;
    const isKnown = isReadAgain && first?.seq === previous.seq;
    if (isKnown) refuseOtherHistory(files.project, first, previous);
    yield isKnown ? group.slice(1) : group;
  }
}

function refuseOtherHistory(project: string, line: LogPosition, snapshot: SnapshotPosition): void {
  if (line.hash === snapshot.hash) return;
  const place = { file: `${project}.jsonl`, offset: 0, seq: line.seq };
  throw new LogCorruptError(place, `hash ${snapshot.hash} as the snapshot says`, `hash ${line.hash}`);
}

/**
 * Decodes the event in a line of a project's log.
 *
 * @throws {UnknownEventError} for an event that this version cannot read
 */
export function projectEventOf(line: LogLine): ProjectEvent {
  const event = decodeLineEvent(line);
  invariant(isProjectEvent(event), `"${line.op}" at seq ${line.seq} is an event of a project`);
  return event;
}
