/**
 * Getting a project's files out of the way. Those of a deleted one move to `_trash/<log_id>/`, which frees its name at once, and
 * are erased from there; those of one that leaves the disk move to `_left/<project>-<log_id>/` and are kept. The order of the
 * moves lets a start finish what a crash interrupted: the active segment, whose header says which log it is, goes last.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from '../../disk/disk.js';
import { LEFT_FOLDER, LogPaths, TRASH_FOLDER } from './log-paths.js';
import { readHeader } from './segment-reader.js';

/** The active segment's name in the trash: where it is, everything has been moved. */
const LAST_MOVED = 'active.jsonl';

/** What the name of a folder in the trash ends with once its files are being erased. */
const ERASING = '.erasing';

/** Where the files of a log go, and under which names. */
interface Destination {
  /** The folder in the home that holds such destinations. */
  readonly parent: string;
  readonly folder: string;
  readonly segments: string;
  readonly snapshot: string;
  /** The active segment's path: where it is, everything has been moved. */
  readonly lastMoved: string;
  readonly isKept: boolean;
}

function graveOf(home: string, logId: string): Destination {
  const parent = join(home, TRASH_FOLDER);
  const folder = join(parent, logId);
  const lastMoved = join(folder, LAST_MOVED);
  return { parent, folder, segments: join(folder, 'segments'), snapshot: join(folder, 'snapshot.json'), lastMoved, isKept: false };
}

/** Every name as it was, so that what has left can be read, checked and put back like any home. */
function leftPlaceOf(paths: LogPaths, logId: string): Destination {
  const parent = join(paths.home, LEFT_FOLDER);
  const there = new LogPaths(join(parent, `${paths.project}-${logId}`), paths.project);
  return { parent, folder: there.home, segments: there.folder, snapshot: there.snapshot, lastMoved: there.active, isKept: true };
}

/**
 * Moves a deleted project's files into the trash; repeating it does nothing more.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param logId the log that was deleted; files of another log stay
 */
export async function moveToTrash(disk: Disk, paths: LogPaths, logId: string): Promise<void> {
  await moveAway(disk, paths, { logId, to: graveOf(paths.home, logId) });
}

/**
 * Moves the files of a project that leaves the disk to where they are kept; repeating it does nothing more.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param logId the log that leaves; files of another log stay
 */
export async function moveToLeft(disk: Disk, paths: LogPaths, logId: string): Promise<void> {
  const to = leftPlaceOf(paths, logId);
  // Asked for at every later start too: by then the name may be another log's, whatever has become of that.
  if ((await findLogId(disk, paths)) !== logId && !(await isMoveBegun(disk, to))) return;
  await moveAway(disk, paths, { logId, to });
}

async function moveAway(disk: Disk, paths: LogPaths, { logId, to }: { readonly logId: string; readonly to: Destination }): Promise<void> {
  // Between the first move and the last one, files of this name with an unreadable header are this log's. Afterwards the name
  // is free: what bears it then is another log, and must not be touched however damaged it is.
  const isBegun = await isMoveBegun(disk, to);
  if (!(await isRemovable(disk, paths, { logId, isBegun }))) return;
  await changeFolder(disk, paths.home, () => disk.makeFolder(to.parent));
  await changeFolder(disk, to.parent, () => disk.makeFolder(to.folder));
  // What is kept has its new names durable before the loss of the old ones is; what is erased must not come back under the old ones.
  const [syncedLast, syncedFirst] = to.isKept ? [paths.home, to.folder] : [to.folder, paths.home];
  const changeBoth = (change: () => Promise<void>): Promise<void> => (
    changeFolder(disk, syncedLast, () => changeFolder(disk, syncedFirst, change))
  );
  await changeBoth(async () => {
    await moveIfThere(disk, paths.folder, to.segments);
    await moveIfThere(disk, paths.snapshot, to.snapshot);
  });
  // Apart, and after that is durable: where the last file has arrived, nothing may be left behind.
  await changeBoth(() => moveIfThere(disk, paths.active, to.lastMoved));
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
  return await isMoveBegun(disk, graveOf(home, logId));
}

async function isMoveBegun(disk: Disk, to: Destination): Promise<boolean> {
  return (await disk.status(to.folder)) !== undefined && (await disk.status(to.lastMoved)) === undefined;
}

async function moveIfThere(disk: Disk, from: string, to: string): Promise<void> {
  const here = await disk.status(from);
  if (here === undefined) return;
  // A loss of power can leave a file under both names, and renaming one name of a file over the other does nothing.
  if (!here.isFolder && (await disk.status(to))?.inode === here.inode) await disk.unlink(from);
  else await disk.rename(from, to);
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
