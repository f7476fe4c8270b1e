/**
 * Getting a project's files out of the way. Those of a deleted one move to `_trash/<log_id>/`, which frees its name at once, and
 * are erased from there; those of one that leaves the disk move to `_left/<project>-<log_id>/` and are kept. The order of the
 * moves lets a start finish what a crash interrupted: the active segment, whose header says which log it is, goes last.
 *
 * Nothing moves whose log is not proved: by the header of the active segment, else by the head, else by the moves that have begun.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from '../../../disk/disk.js';
import { LEFT_FOLDER, LogPaths, TRASH_FOLDER } from '../log-paths.js';
import { findLogId, findOwner } from './name-owner.js';
import { TRASHED_ACTIVE, TRASHED_FOLDER, TRASHED_SNAPSHOT } from './trash.js';

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
  const lastMoved = join(folder, TRASHED_ACTIVE);
  return { parent, folder, segments: join(folder, TRASHED_FOLDER), snapshot: join(folder, TRASHED_SNAPSHOT), lastMoved, isKept: false };
}

/** Every name as it was, so that what has left can be read, checked and put back like any home. */
function leftPlaceOf(paths: LogPaths, logId: string): Destination {
  const parent = join(paths.home, LEFT_FOLDER);
  const there = new LogPaths(join(parent, `${paths.project}-${logId}`), paths.project);
  return { parent, folder: there.home, segments: there.folder, snapshot: there.snapshot, lastMoved: there.active, isKept: true };
}

/** A log whose files are to be moved. */
export interface MovedLog {
  readonly logId: string;
  /**
   * True: the caller knows that the name was that log's until now, so that files with an unreadable header, or none, are too.
   *
   * @default false
   */
  readonly isNameKnown?: boolean;
}

/**
 * Moves a deleted project's files into the trash; repeating it does nothing more.
 *
 * @param log the log that was deleted; files of another log stay
 */
export async function moveToTrash(disk: Disk, paths: LogPaths, log: MovedLog): Promise<void> {
  await moveAway(disk, paths, { ...log, to: graveOf(paths.home, log.logId) });
}

/**
 * Moves the files of a project that leaves the disk to where they are kept; repeating it does nothing more. Asked for at every later
 * start too: by then the name may be another log's, whatever has become of that.
 *
 * @param logId the log that leaves; files of another log stay
 */
export async function moveToLeft(disk: Disk, paths: LogPaths, logId: string): Promise<void> {
  await moveAway(disk, paths, { logId, to: leftPlaceOf(paths, logId) });
}

async function moveAway(disk: Disk, paths: LogPaths, log: MovedLog & { readonly to: Destination }): Promise<void> {
  if (!(await isProved(disk, paths, log))) return;
  const { to } = log;
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

async function moveIfThere(disk: Disk, from: string, to: string): Promise<void> {
  const here = await disk.status(from);
  if (here === undefined) return;
  // A loss of power can leave a file under both names, and renaming one name of a file over the other does nothing.
  if (!here.isFolder && (await disk.status(to))?.inode === here.inode) await disk.unlink(from);
  else await disk.rename(from, to);
}

/** Whether the files under a name are those of the log that is to be moved. */
async function isProved(disk: Disk, paths: LogPaths, log: MovedLog & { readonly to: Destination }): Promise<boolean> {
  const { logId, to, isNameKnown = false } = log;
  const found = await findLogId(disk, paths);
  if (found === logId) return true;
  if (found !== 'absent' && found !== 'unreadable') return false;
  if (isNameKnown) return found === 'unreadable' || (await isAnythingThere(disk, [paths.folder, paths.snapshot]));
  const owner = await findOwner(disk, paths);
  if (owner.kind === 'log') return owner.logId === logId;
  // The folder has moved, with the head in it, and the active segment has not: what bears the name without a folder is this log's.
  // A destination that a person has emptied, or a name that has a folder again, proves nothing.
  const hasBegun = (await disk.status(to.segments)) !== undefined && (await disk.status(to.lastMoved)) === undefined;
  return hasBegun && (await disk.status(paths.folder)) === undefined;
}

async function isAnythingThere(disk: Disk, places: readonly string[]): Promise<boolean> {
  for (const place of places) if ((await disk.status(place)) !== undefined) return true;
  return false;
}
