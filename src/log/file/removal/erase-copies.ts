/**
 * Erases the copies that a data folder keeps of a project's lines besides its log: torn tails, the logs that it had before it moved to
 * memory, and the files that repairs moved away. Nothing depends on any of them. A crash leaves the rest, which the next erasing erases.
 */
import { join } from 'node:path';
import { changeFolder, type Disk } from '../../../disk/disk.js';
import { isTornName, LEFT_FOLDER, type LogPaths, REPAIR_FOLDER } from '../log-paths.js';

const LOG_ID = /^-[0-9a-f]{32}$/;
/** The time of a repair, and the number of one in the same second. Ids of projects have no capital letters. */
const REPAIR_TIME = /^-\d{8}T\d{6}Z(?:-\d+)?$/;
/** In the folder of a repair: what it moved away, and what shows that it is complete. */
const REPAIRED_FOLDER = 'old';
const FINISHED_REPAIR = 'finished.json';

/**
 * Erases the copies of a project.
 *
 * @returns folders of repairs that are not complete and stay, relative to the data folder
 */
export async function eraseCopies(disk: Disk, paths: LogPaths): Promise<readonly string[]> {
  const torn = (await disk.list(paths.folder)).filter(isTornName);
  await unlinkAll(disk, paths.folder, torn);
  for (const name of await ownNames(disk, paths, LEFT_FOLDER, LOG_ID)) await eraseTree(disk, join(paths.home, LEFT_FOLDER), name);
  const unfinished: string[] = [];
  for (const name of await ownNames(disk, paths, REPAIR_FOLDER, REPAIR_TIME)) {
    const folder = join(paths.home, REPAIR_FOLDER, name);
    if ((await disk.status(join(folder, FINISHED_REPAIR))) === undefined) unfinished.push(join(REPAIR_FOLDER, name));
    else await eraseTree(disk, folder, REPAIRED_FOLDER);
  }
  return unfinished;
}

async function ownNames(disk: Disk, { home, project }: LogPaths, parent: string, rest: RegExp): Promise<readonly string[]> {
  const names = await disk.list(join(home, parent));
  return names.filter((name) => name.startsWith(project) && rest.test(name.slice(project.length)));
}

async function unlinkAll(disk: Disk, folder: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await changeFolder(disk, folder, async () => {
    for (const name of names) await disk.unlink(join(folder, name));
  });
}

/** Erases a folder with everything in it, durably. */
async function eraseTree(disk: Disk, parent: string, name: string): Promise<void> {
  const folder = join(parent, name);
  const status = await disk.status(folder);
  if (status === undefined) return;
  if (!status.isFolder || status.isLink) return await unlinkAll(disk, parent, [name]);
  for (const inside of await disk.list(folder)) await eraseTree(disk, folder, inside);
  await changeFolder(disk, parent, () => disk.removeFolder(folder));
}
