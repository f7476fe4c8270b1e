/**
 * Whose the files under a project's name are, and which of them this program never writes. Reads, and changes nothing: what moves
 * or erases files asks here first.
 */
import type { Disk } from '../../../disk/disk.js';
import type { NameOwner } from '../../log.js';
import { readHead } from '../head-file.js';
import { isOwnName, type LogPaths } from '../log-paths.js';
import { readHeader } from '../segment/segment-reader.js';

/** Reads which log a project's active segment belongs to. */
export async function findLogId(disk: Disk, paths: LogPaths): Promise<string | 'absent' | 'unreadable'> {
  const header = await findHeader(disk, paths);
  return typeof header === 'string' ? header : header.logId;
}

async function findHeader(
  disk: Disk, paths: LogPaths,
): Promise<{ readonly project: string; readonly logId: string } | 'absent' | 'unreadable'> {
  const status = await disk.status(paths.active);
  if (status === undefined) return 'absent';
  if (status.isFolder) return 'unreadable';
  const file = await disk.open(paths.active, 'read');
  try {
    return (await readHeader(file, paths.activeName)).header;
  } catch {
    // Damaged or newer: deleting such a project is exactly what its operator wants to be able to do.
    return 'unreadable';
  } finally {
    await file.close();
  }
}

/** Finds what proves which log the files under a name belong to: the header of the active segment, else the head beside it. */
export async function findOwner(disk: Disk, paths: LogPaths): Promise<NameOwner> {
  const header = await findHeader(disk, paths);
  if (typeof header !== 'string') {
    return header.project === paths.project ? { kind: 'log', logId: header.logId } : { kind: 'another project' };
  }
  const { head } = await readHead(disk, paths.head);
  return head === undefined ? { kind: 'unknown' } : { kind: 'log', logId: head.logId };
}

/**
 * Finds what lies under a project's name and was not written by this program: another name, a folder or a link where it has a file.
 *
 * @returns names relative to the home
 */
export async function findForeignNames(disk: Disk, paths: LogPaths): Promise<readonly string[]> {
  const names: string[] = [];
  if (!(await isPlainFile(disk, paths.active))) names.push(paths.activeName);
  if (!(await isPlainFile(disk, paths.snapshot))) names.push(paths.snapshotName);
  const folder = await disk.status(paths.folder);
  if (folder === undefined) return names;
  // A link may lead to anything: nothing is erased through it.
  if (folder.isLink || !folder.isFolder) return [...names, paths.project];
  for (const name of await disk.list(paths.folder)) {
    if (!isOwnName(name) || !(await isPlainFile(disk, paths.inFolder(name)))) names.push(paths.shown(name));
  }
  return names;
}

/** True also where there is nothing. */
async function isPlainFile(disk: Disk, path: string): Promise<boolean> {
  const status = await disk.status(path);
  return status === undefined || !(status.isFolder || status.isLink);
}
