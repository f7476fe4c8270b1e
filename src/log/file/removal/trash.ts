/**
 * Erasing what deletions have moved into `_trash/<log_id>/`. Only names that this program gives are erased, one by one; whatever
 * else lies there stays and is named.
 */
import { join, relative } from 'node:path';
import type { Disk } from '../../../disk/disk.js';
import { isOwnName, TRASH_FOLDER } from '../log-paths.js';

/** The active segment's name in the trash: where it is, everything has been moved. */
export const TRASHED_ACTIVE = 'active.jsonl';
/** The project's folder in the trash. */
export const TRASHED_FOLDER = 'segments';
/** `<project>.json` in the trash. */
export const TRASHED_SNAPSHOT = 'snapshot.json';

/** What the name of a folder in the trash ends with once its files are being erased. */
const ERASING = '.erasing';
const GRAVE_NAME = /^([0-9a-f]{32})(?:\.erasing)?$/;

/**
 * Lists the logs whose files are in the trash.
 *
 * @returns log ids, and the names that no deletion made, relative to the home
 */
export async function listTrash(
  disk: Disk, home: string,
): Promise<{ readonly logIds: readonly string[]; readonly foreignNames: readonly string[] }> {
  const logIds = new Set<string>();
  const foreignNames: string[] = [];
  for (const name of await disk.list(join(home, TRASH_FOLDER))) {
    const logId = GRAVE_NAME.exec(name)?.[1];
    if (logId === undefined) foreignNames.push(join(TRASH_FOLDER, name));
    else logIds.add(logId);
  }
  return { logIds: [...logIds], foreignNames };
}

/**
 * Erases the files of one deleted log.
 *
 * @returns the names that stay because this program never wrote them, relative to the home; empty when all is gone
 */
export async function eraseTrashed(disk: Disk, home: string, logId: string): Promise<readonly string[]> {
  const trash = join(home, TRASH_FOLDER);
  const [grave, erasing] = [join(trash, logId), join(trash, `${logId}${ERASING}`)];
  const begun = await eraseGrave(disk, erasing);
  if (begun.length > 0 || (await disk.status(grave)) === undefined) return begun.map((path) => relative(home, path));
  // A folder that is erased half-way must not look like one whose moves are not finished.
  await disk.rename(grave, erasing);
  return (await eraseGrave(disk, erasing)).map((path) => relative(home, path));
}

async function eraseGrave(disk: Disk, folder: string): Promise<readonly string[]> {
  const status = await disk.status(folder);
  if (status === undefined) return [];
  if (status.isLink || !status.isFolder) return [folder];
  const inside = join(folder, TRASHED_FOLDER);
  const insideStatus = await disk.status(inside);
  const isPlainFolder = insideStatus?.isFolder === true && !insideStatus.isLink;
  const keptInside = isPlainFolder ? await eraseFiles(disk, inside, isOwnName) : [];
  const kept = await eraseFiles(disk, folder, (name) => name === TRASHED_ACTIVE || name === TRASHED_SNAPSHOT);
  return [...keptInside, ...kept.filter((path) => path !== inside || keptInside.length === 0)];
}

/** Unlinks the files of a folder that may go, then the folder if that was all; returns the paths that stay. */
async function eraseFiles(disk: Disk, folder: string, isErased: (name: string) => boolean): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const name of await disk.list(folder)) {
    const path = join(folder, name);
    const status = await disk.status(path);
    if (status === undefined) continue;
    if (!isErased(name) || status.isFolder || status.isLink) kept.push(path);
    else await disk.unlink(path);
  }
  if (kept.length === 0) await disk.removeFolder(folder);
  return kept;
}
