/**
 * Creates the data folder so that it survives a power failure: a folder is durable once its parent has been synced, and so on for each
 * parent that had to be created.
 */
import { dirname } from 'node:path';
import { isErrno } from '../base/app-error.js';
import { changeFolder, type Disk } from './disk.js';

/**
 * Creates a folder and its missing parents. All of them are durable when the call resolves.
 *
 * @param path the folder, absolute
 * @returns the folders that were created, parents first
 */
export async function makeDataFolder(disk: Disk, path: string): Promise<readonly string[]> {
  if ((await disk.status(path)) !== undefined) return [];
  const parent = dirname(path);
  const above = parent === path ? [] : await makeDataFolder(disk, parent);
  await changeFolder(disk, parent, () => disk.makeFolder(path));
  return [...above, path];
}

/**
 * Removes folders created for a startup that failed. Keeps a folder that is not empty, and its parents.
 *
 * @param made as {@link makeDataFolder} returned them
 */
export async function removeEmptyFolders(disk: Disk, made: readonly string[]): Promise<void> {
  try {
    for (const path of made.toReversed()) await disk.removeFolder(path);
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}
