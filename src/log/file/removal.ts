/**
 * Getting a deleted project out of the way: its files move to `_trash/<log_id>/`, which frees its name at once, and are
 * erased from there. The order of the moves lets a start finish what a crash interrupted: the active segment, whose header
 * says which log it is, goes last.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from './disk.js';
import { type LogPaths, TRASH_FOLDER } from './log-paths.js';
import { readHeader } from './segment-reader.js';

/**
 * Moves a deleted project's files into the trash; repeating it does nothing more.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param logId the log that was deleted; files of another log stay
 */
export async function moveToTrash(disk: Disk, paths: LogPaths, logId: string): Promise<void> {
  const trash = join(paths.home, TRASH_FOLDER);
  const grave = join(trash, logId);
  // The grave is made before the first move: where it exists, files of this name with an unreadable header are this log's.
  const isBegun = (await disk.status(grave)) !== undefined;
  if (!(await isRemovable(disk, paths, { logId, isBegun }))) return;
  await changeFolder(disk, paths.home, () => disk.makeFolder(trash));
  await changeFolder(disk, trash, () => disk.makeFolder(grave));
  await changeFolder(disk, grave, () =>
    changeFolder(disk, paths.home, async () => {
      await moveIfThere(disk, paths.folder, join(grave, 'segments'));
      await moveIfThere(disk, paths.snapshot, join(grave, 'snapshot.json'));
      await moveIfThere(disk, paths.active, join(grave, 'active.jsonl'));
    }),
  );
}

async function moveIfThere(disk: Disk, from: string, to: string): Promise<void> {
  if ((await disk.status(from)) !== undefined) await disk.rename(from, to);
}

/** Whether the files of a name are those of the deleted log: its header says so, or there is no header left to say otherwise. */
async function isRemovable(disk: Disk, paths: LogPaths, log: { readonly logId: string; readonly isBegun: boolean }): Promise<boolean> {
  const found = await findLogId(disk, paths);
  if (found === 'absent') return log.isBegun || (await disk.status(paths.folder)) !== undefined;
  return found === 'unreadable' || found === log.logId;
}

/**
 * Reads which log a project's active segment belongs to.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @returns its log id, or why there is none
 */
export async function findLogId(disk: Disk, paths: LogPaths): Promise<string | 'absent' | 'unreadable'> {
  if ((await disk.status(paths.active)) === undefined) return 'absent';
  const file = await disk.open(paths.active, 'read');
  try {
    return (await readHeader(file, paths.activeName)).header.logId;
  } catch {
    // Damaged or newer: deleting such a project is exactly what its operator wants to be able to do.
    return 'unreadable';
  } finally {
    await file.close();
  }
}

/**
 * Erases everything in the trash.
 *
 * @param disk the disk
 * @param home the home's folder
 */
export async function emptyTrash(disk: Disk, home: string): Promise<void> {
  const trash = join(home, TRASH_FOLDER);
  for (const name of await disk.list(trash)) await disk.removeTree(join(trash, name));
}
