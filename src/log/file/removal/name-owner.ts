/**
 * Which log the files under a project's name belong to, and which of them this program never writes. Read-only: whatever moves or erases
 * files asks here first.
 */
import { closing, type Disk } from '../../../disk/disk.js';
import type { SegmentHeader } from '../../segment-format.js';
import type { NameOwner } from '../../log-home.js';
import { readHead } from '../head-file.js';
import { isOwnName, type LogPaths } from '../log-paths.js';
import { readHeader } from '../segment/segment-reader.js';

/** Reads which log a project's active segment belongs to. */
export async function findLogId(disk: Disk, paths: LogPaths): Promise<string | 'absent' | 'unreadable'> {
  const header = await findHeader(disk, paths);
  return typeof header === 'string' ? header : header.logId;
}

async function findHeader(disk: Disk, paths: LogPaths): Promise<SegmentHeader | 'absent' | 'unreadable'> {
  const status = await disk.status(paths.active);
  if (status === undefined) return 'absent';
  if (status.isFolder) return 'unreadable';
  return await closing(await disk.open(paths.active, 'read'), async (file) => {
    try {
      return (await readHeader(file, paths.activeName)).header;
    } catch {
      // Damaged or written by a newer version: an operator must be able to delete exactly such a project.
      return 'unreadable';
    }
  });
}

/** Finds which log the files under a name belong to: by the header of the active segment, otherwise by the head. */
export async function findOwner(disk: Disk, paths: LogPaths): Promise<NameOwner> {
  const header = await findHeader(disk, paths);
  if (typeof header !== 'string') {
    return header.project === paths.project ? { kind: 'log', logId: header.logId } : { kind: 'another project' };
  }
  const { head } = await readHead(disk, paths.head);
  return head === undefined ? { kind: 'unknown' } : { kind: 'log', logId: head.logId };
}

/**
 * Finds what this program did not write under a project's name: other names, and folders or links in place of its files.
 *
 * @returns names relative to the data folder
 */
export async function findForeignNames(disk: Disk, paths: LogPaths): Promise<readonly string[]> {
  const names: string[] = [];
  if (!(await isPlainFile(disk, paths.active))) names.push(paths.activeName);
  if (!(await isPlainFile(disk, paths.snapshot))) names.push(paths.snapshotName);
  const folder = await disk.status(paths.folder);
  if (folder === undefined) return names;
  // A link may lead anywhere: nothing is erased through it.
  if (folder.isLink || !folder.isFolder) return [...names, paths.project];
  for (const name of await disk.list(paths.folder)) {
    if (!isOwnName(name) || !(await isPlainFile(disk, paths.inFolder(name)))) names.push(paths.shown(name));
  }
  return names;
}

/** True also if the name does not exist. */
async function isPlainFile(disk: Disk, path: string): Promise<boolean> {
  const status = await disk.status(path);
  return status === undefined || !(status.isFolder || status.isLink);
}
