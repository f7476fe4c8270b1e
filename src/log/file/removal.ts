/**
 * Getting a deleted project out of the way: its files move to `_trash/<log_id>/`, which frees its name at once, and are
 * erased from there. The order of the moves lets a start finish what a crash interrupted: the active segment, whose header
 * says which log it is, goes last.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from '../../disk/disk.js';
import { type LogPaths, TRASH_FOLDER } from './log-paths.js';
import { readHeader } from './segment-reader.js';

/** The active segment's name in the trash: where it is, everything has been moved. */
const LAST_MOVED = 'active.jsonl';

/** What the name of a folder in the trash ends with once its files are being erased. */
const ERASING = '.erasing';

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
  // Between the first move and the last one, files of this name with an unreadable header are this log's. Afterwards the name
  // is free: what bears it then is another log, and must not be touched however damaged it is.
  const isBegun = await isRemovalBegun(disk, paths.home, logId);
  if (!(await isRemovable(disk, paths, { logId, isBegun }))) return;
  await changeFolder(disk, paths.home, () => disk.makeFolder(trash));
  await changeFolder(disk, trash, () => disk.makeFolder(grave));
  await changeFolder(disk, grave, () =>
    changeFolder(disk, paths.home, async () => {
      await moveIfThere(disk, paths.folder, join(grave, 'segments'));
      await moveIfThere(disk, paths.snapshot, join(grave, 'snapshot.json'));
      await moveIfThere(disk, paths.active, join(grave, LAST_MOVED));
    }),
  );
}

/**
 * Tells whether a removal has begun to move files and may have to go on.
 *
 * @param disk the disk
 * @param home the home's folder
 * @param logId the log that was deleted
 * @returns false also when all has been moved
 */
export async function isRemovalBegun(disk: Disk, home: string, logId: string): Promise<boolean> {
  const grave = join(home, TRASH_FOLDER, logId);
  return (await disk.status(grave)) !== undefined && (await disk.status(join(grave, LAST_MOVED))) === undefined;
}

async function moveIfThere(disk: Disk, from: string, to: string): Promise<void> {
  if ((await disk.status(from)) !== undefined) await disk.rename(from, to);
}

/** Whether the files of a name are those of the deleted log: its header says so, or there is no header left to say otherwise. */
async function isRemovable(disk: Disk, paths: LogPaths, log: { readonly logId: string; readonly isBegun: boolean }): Promise<boolean> {
  const found = await findLogId(disk, paths);
  if (found === 'absent') {
    return log.isBegun || (await disk.status(paths.folder)) !== undefined || (await disk.status(paths.snapshot)) !== undefined;
  }
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
  for (const name of await disk.list(trash)) {
    // A folder that is erased half-way must not look like one whose moves are not finished.
    const erasing = name.endsWith(ERASING) ? name : `${name}${ERASING}`;
    if (erasing !== name) await disk.rename(join(trash, name), join(trash, erasing));
    await disk.removeTree(join(trash, erasing));
  }
}
