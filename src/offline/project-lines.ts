/**
 * A project's log by its files, with what it goes on from: for work that must know whether a snapshot and a log belong together.
 */
import { isErrno } from '../base/app-error.js';
import type { Disk } from '../disk/disk.js';
import { isProjectId } from '../events/project-id.js';
import { StoredLog } from '../log/file/reading/stored-log.js';
import { LogPaths } from '../log/file/log-paths.js';
import { listSegments } from '../log/file/segment-list.js';
import { readHeader } from '../log/file/segment/segment-reader.js';
import { activeFile, fileOf, withText } from '../log/file/segment/segment-files.js';
import type { SegmentHeader } from '../log/line-format.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogLine, LogPosition } from '../log/log.js';
import type { SnapshotPosition } from '../projections/snapshot/snapshot.js';
import type { FilesOfProject } from '../projections/snapshot/file-work.js';

/** A log that was looked at. */
export interface ProjectLines {
  readonly files: StoredLog;
  /** The first line that is there, by the name of its segment: its header is not needed where a snapshot covers it. */
  readonly firstSeq: number;
  /**
   * Reads what the first line goes on from.
   *
   * @throws {LogCorruptError} when its segment does not begin with a header
   */
  before(): Promise<LogPosition>;
}

const LOG_SUFFIX = '.jsonl';

/**
 * Lists the projects whose logs lie in a data folder; the registry is none.
 *
 * @param dataFolder the data folder, absolute
 * @returns their ids, sorted
 */
export async function listProjects(disk: Disk, dataFolder: string): Promise<readonly string[]> {
  const names = (await disk.list(dataFolder)).filter((name) => name.endsWith(LOG_SUFFIX));
  return names.map((name) => name.slice(0, -LOG_SUFFIX.length)).filter(isProjectId).sort();
}

/** The oldest segment may be compressed or removed between the question which it is and its opening. */
const ATTEMPTS = 4;

/**
 * Looks at a project's log.
 *
 * @throws {LogCorruptError} when there is none, or another one than was asked for
 */
export async function openProjectLines(
  disk: Disk, { dataFolder, project, logId }: Omit<FilesOfProject, 'logId'> & { readonly logId?: string },
): Promise<ProjectLines> {
  const file = `${project}.jsonl`;
  const files = await StoredLog.open(disk, dataFolder, project);
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
  return { files, firstSeq: oldest?.firstSeq ?? 1, before };
}

async function oldestHeader(disk: Disk, paths: LogPaths): Promise<SegmentHeader> {
  for (let attempt = 1; ; attempt += 1) {
    const [oldest] = await listSegments(disk, paths);
    const file = oldest === undefined ? activeFile(paths) : fileOf(paths, oldest);
    try {
      return await withText(disk, file, async (text) => (await readHeader(text, file.shownName)).header);
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Up to where lines are read, and what ends the reading. */
export interface LinesEnd {
  /** Must be durable already. */
  readonly toSeq: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the lines after a snapshot; the one that the snapshot ends with is read again, where it is still there, to see that both
 * are of one history.
 *
 * @param log the log; it begins no later than after the snapshot
 * @param previous the snapshot; undefined: from the first line on
 * @throws {LogCorruptError} when one is damaged, or the log is of another history than the snapshot
 */
export async function* linesAfter(
  { files, firstSeq, before }: ProjectLines, previous: SnapshotPosition | undefined, { toSeq, signal }: LinesEnd,
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
