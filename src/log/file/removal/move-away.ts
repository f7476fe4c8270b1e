/**
 * Moves a project's files out of the way. The files of a deleted project move to `_trash/<log_id>/`, which frees its name at once, and
 * are erased there. The files of a project that leaves the disk move to `_left/<project>-<log_id>/` and are kept. The active segment,
 * whose header identifies the log, moves last, so that startup can complete what a crash interrupted.
 *
 * Files move only if they are proved to be those of the log: by the header of the active segment, otherwise by the head, otherwise by
 * an interrupted move.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from '../../../disk/disk.js';
import { LEFT_FOLDER, LogPaths, TRASH_FOLDER } from '../log-paths.js';
import { findLogId, findOwner } from './name-owner.js';
import { TRASHED_ACTIVE, TRASHED_FOLDER, TRASHED_SNAPSHOT } from './trash.js';

/** Where the files of a log move, and their names there. */
interface Destination {
  readonly logId: string;
  /** The folder in the data folder that holds such destinations. */
  readonly parent: string;
  readonly folder: string;
  readonly segments: string;
  readonly snapshot: string;
  /** The active segment's path. If it exists, all files have been moved. */
  readonly lastMoved: string;
  readonly isKept: boolean;
}

function inTrash(home: string, logId: string): Destination {
  const parent = join(home, TRASH_FOLDER);
  const folder = join(parent, logId);
  const lastMoved = join(folder, TRASHED_ACTIVE);
  const [segments, snapshot] = [join(folder, TRASHED_FOLDER), join(folder, TRASHED_SNAPSHOT)];
  return { logId, parent, folder, segments, snapshot, lastMoved, isKept: false };
}

/** Keeps every name, so that the files can be read, verified and moved back like any data folder. */
function inLeft(paths: LogPaths, logId: string): Destination {
  const parent = join(paths.home, LEFT_FOLDER);
  const there = new LogPaths(join(parent, `${paths.project}-${logId}`), paths.project);
  const { home: folder, folder: segments, snapshot, active: lastMoved } = there;
  return { logId, parent, folder, segments, snapshot, lastMoved, isKept: true };
}

/**
 * Moves a deleted project's files into the trash. Idempotent.
 *
 * @param logId the deleted log; files of another log stay
 * @param isNameKnown true if the caller knows that the name belonged to that log until now: then files with an unreadable header, or
 *   without one, move too
 */
export async function moveToTrash(disk: Disk, paths: LogPaths, logId: string, isNameKnown: boolean): Promise<void> {
  const to = inTrash(paths.home, logId);
  if (await isProved(disk, paths, to, isNameKnown)) await moveAway(disk, paths, to);
}

/**
 * Moves the files of a project that switches to memory to where they are kept. Idempotent, and repeated at every later startup: by then the
 * name may belong to another log, in whatever state.
 *
 * @param logId the log to move away; files of another log stay
 */
export async function moveToLeft(disk: Disk, paths: LogPaths, logId: string): Promise<void> {
  const to = inLeft(paths, logId);
  if (await isProved(disk, paths, to, false)) await moveAway(disk, paths, to);
}

async function moveAway(disk: Disk, paths: LogPaths, to: Destination): Promise<void> {
  await changeFolder(disk, paths.home, () => disk.makeFolder(to.parent));
  await changeFolder(disk, to.parent, () => disk.makeFolder(to.folder));
  // Files to keep must have their new names on disk before they lose the old ones. Files to erase must not reappear under the old names.
  const [syncedLast, syncedFirst] = to.isKept ? [paths.home, to.folder] : [to.folder, paths.home];
  const changeBoth = (change: () => Promise<void>): Promise<void> => (
    changeFolder(disk, syncedLast, () => changeFolder(disk, syncedFirst, change))
  );
  await changeBoth(async () => {
    await moveIfThere(disk, paths.folder, to.segments);
    await moveIfThere(disk, paths.snapshot, to.snapshot);
  });
  // A separate step once that is durable: where the last file has arrived, no file may be left behind.
  await changeBoth(() => moveIfThere(disk, paths.active, to.lastMoved));
}

async function moveIfThere(disk: Disk, from: string, to: string): Promise<void> {
  const here = await disk.status(from);
  if (here === undefined) return;
  // A power failure can leave a file under both names, and renaming one name of a file to the other does nothing.
  if (!here.isFolder && (await disk.status(to))?.inode === here.inode) await disk.unlink(from);
  else await disk.rename(from, to);
}

/** Whether the files under a name are those of the log to be moved. */
async function isProved(disk: Disk, paths: LogPaths, to: Destination, isNameKnown: boolean): Promise<boolean> {
  const { logId } = to;
  const found = await findLogId(disk, paths);
  if (found === logId) return true;
  if (found !== 'absent' && found !== 'unreadable') return false;
  if (isNameKnown) return found === 'unreadable' || (await exists(disk, paths.folder)) || (await exists(disk, paths.snapshot));
  const owner = await findOwner(disk, paths);
  if (owner.kind === 'log') return owner.logId === logId;
  // If the folder has moved, with the head in it, and the active segment has not, then the files without a folder belong to this log.
  // A destination that someone emptied, or a name that has a folder again, proves nothing.
  const hasBegun = (await exists(disk, to.segments)) && !(await exists(disk, to.lastMoved));
  return hasBegun && !(await exists(disk, paths.folder));
}

async function exists(disk: Disk, path: string): Promise<boolean> {
  return (await disk.status(path)) !== undefined;
}
