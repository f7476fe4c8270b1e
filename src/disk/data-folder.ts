/**
 * Making the folder of all logs, so that it is still there after a loss of power: a folder is durable when the one that names
 * it has been synced, and that holds for each one above it that had to be made.
 */
import { dirname } from 'node:path';
import { isErrno } from '../base/app-error.js';
import { changeFolder, type Disk } from './disk.js';

/**
 * Makes a folder and those above it that are missing; each is durable when the call resolves.
 *
 * @param path the folder, absolute
 */
export async function makeDataFolder(disk: Disk, path: string): Promise<readonly string[]> {
  if ((await disk.status(path)) !== undefined) return [];
  const parent = dirname(path);
  const above = parent === path ? [] : await makeDataFolder(disk, parent);
  await changeFolder(disk, parent, () => disk.makeFolder(path));
  return [...above, path];
}

/**
 * Removes folders that were made for a start that came to nothing. One that holds anything stays, and so do those above it.
 *
 * @param made as {@link makeDataFolder} gave them
 */
export async function removeEmptyFolders(disk: Disk, made: readonly string[]): Promise<void> {
  try {
    for (const path of made.toReversed()) await disk.removeFolder(path);
  } catch (error) {
    if (!isErrno(error)) throw error;
  }
}
