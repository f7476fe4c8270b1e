/**
 * Making the folder of all logs, so that it is still there after a loss of power: a folder is durable when the one that names
 * it has been synced, and that holds for each one above it that had to be made.
 */
import { dirname } from 'node:path';
import { changeFolder, type Disk } from './disk.js';

/**
 * Makes a folder and those above it that are missing; each is durable when the call resolves.
 *
 * @param disk the disk
 * @param path the folder, absolute
 */
export async function makeDataFolder(disk: Disk, path: string): Promise<void> {
  if ((await disk.status(path)) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await makeDataFolder(disk, parent);
  await changeFolder(disk, parent, () => disk.makeFolder(path));
}
