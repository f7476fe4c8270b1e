/**
 * Erases what deletions have moved into `_trash/<log_id>/`. Erases only names that this program uses, one by one; reports all others
 * and leaves them.
 */
import { join, relative } from 'node:path';
import type { Disk } from '../../../disk/disk.js';
import { isOwnName, TRASH_FOLDER } from '../log-paths.js';

/** The active segment's name in the trash. If it exists, all files have been moved. */
export const TRASHED_ACTIVE = 'active.jsonl';
/** The project's folder in the trash. */
export const TRASHED_FOLDER = 'segments';
/** `<project>.json` in the trash. */
export const TRASHED_SNAPSHOT = 'snapshot.json';

/** Suffix of a folder in the trash while its files are being erased. */
const ERASING = '.erasing';
const GRAVE_NAME = /^([0-9a-f]{32})(?:\.erasing)?$/;

/**
 * Lists the logs whose files are in the trash.
 *
 * @returns log ids, and names that no deletion created, relative to the data folder
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
 * @returns names left because this program did not write them, relative to the data folder; empty if all files were erased
 */
export async function eraseTrashed(disk: Disk, home: string, logId: string): Promise<readonly string[]> {
  const trash = join(home, TRASH_FOLDER);
  const [grave, erasing] = [join(trash, logId), join(trash, `${logId}${ERASING}`)];
  const kept = await eraseGrave(disk, erasing);
  if (kept.length > 0 || (await disk.status(grave)) === undefined) return kept.map((path) => relative(home, path));
  // A partly erased folder must not look like one whose moves are incomplete.
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

/** Unlinks the erasable files of a folder, then the folder if it is empty; returns the paths left. */
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
