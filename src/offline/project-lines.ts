/**
 * A project's log by its files, with what it goes on from: for work that must know whether a snapshot and a log belong together.
 */
import { isErrno } from '../base/app-error.js';
import type { Disk } from '../disk/disk.js';
import { LogFiles } from '../log/file/log-files.js';
import { LogPaths } from '../log/file/log-paths.js';
import { listSegments } from '../log/file/segment-list.js';
import { readHeader } from '../log/file/segment-reader.js';
import { activeFile, sealedFile, withText } from '../log/file/segment-text.js';
import type { SegmentHeader } from '../log/line-format.js';
import { LogCorruptError } from '../log/log-errors.js';
import type { LogPosition } from '../log/log.js';
import type { FilesOfProject } from './tasks.js';

/** A log that was looked at. */
export interface ProjectLines {
  readonly files: LogFiles;
  /** What the first line that is there goes on from. */
  readonly before: LogPosition;
}

/** The oldest segment may be compressed or removed between the question which it is and its opening. */
const ATTEMPTS = 4;

/**
 * Looks at a project's log.
 *
 * @param disk the disk
 * @param where whose log
 * @returns its lines, and what they go on from
 * @throws {LogCorruptError} when there is none, or another one than was asked for
 */
export async function openProjectLines(
  disk: Disk, { dataFolder, project, logId }: Omit<FilesOfProject, 'logId'> & { readonly logId?: string },
): Promise<ProjectLines> {
  const file = `${project}.jsonl`;
  const files = await LogFiles.open(disk, dataFolder, project);
  if (files === undefined) throw new LogCorruptError({ file, offset: 0 }, 'the active segment', 'no such file');
  if (logId !== undefined && files.logId !== logId) {
    throw new LogCorruptError({ file, offset: 0 }, `log_id ${logId}`, `log_id ${files.logId}`);
  }
  const { firstSeq, previousHash } = await oldestHeader(disk, new LogPaths(dataFolder, project));
  return { files, before: { seq: firstSeq - 1, hash: previousHash } };
}

async function oldestHeader(disk: Disk, paths: LogPaths): Promise<SegmentHeader> {
  for (let attempt = 1; ; attempt += 1) {
    const [oldest] = await listSegments(disk, paths);
    const isSealed = oldest !== undefined && oldest.form !== 'active';
    const name = isSealed ? { firstSeq: oldest.firstSeq, isCompressed: oldest.form === 'compressed' } : undefined;
    const file = name === undefined ? activeFile(paths) : sealedFile(paths, name);
    try {
      return await withText(disk, file, async (text) => (await readHeader(text, file.shownName)).header);
    } catch (error) {
      if (!isErrno(error, 'ENOENT') || attempt === ATTEMPTS) throw error;
    }
  }
}
