/**
 * The files that a repair exchanges, and how the logs that it writes are opened. Nothing that lies in a data folder is ever changed
 * or erased by a repair: it is moved away.
 */
import { dirname, join } from 'node:path';
import { isErrno } from '../base/app-error.js';
import { changeFolder, type Disk } from '../disk/disk.js';
import { BUILT_IN_STORAGE } from '../events/project-settings.js';
import type { LogOptions } from '../log/log.js';

/** How a repair opens a log that it writes: what the owner of a project has set takes force with the next start. */
export const REPAIR_LOG_OPTIONS: LogOptions = {
  durability: 'fsync', syncIntervalMs: BUILT_IN_STORAGE.sync_interval_ms, segmentBytes: BUILT_IN_STORAGE.segment_bytes,
};

/**
 * Whatever a log has in its home.
 *
 * @returns names; the one that makes it a log last
 */
export function namesOfLog(project: string): readonly string[] {
  return [project, `${project}.json`, `${project}.jsonl`];
}

/**
 * Renames what is there, in order, and makes it durable: first where it goes, so that a crash never leaves it nowhere. What a move
 * before has brought there stays: it is never replaced.
 *
 * @param way the folders, absolute
 */
export async function moveFiles(
  disk: Disk, names: readonly string[], { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  if (names.length === 0) return;
  await changeFolder(disk, from, () => changeFolder(disk, to, async () => {
    for (const name of names) {
      if ((await disk.status(join(from, name))) !== undefined) await disk.rename(join(from, name), await freePath(disk, to, name));
    }
  }));
}

/**
 * Removes the folder in which a new log was made, once everything in it has been moved to its place. What is still in it stays.
 *
 * @param newHome the folder, absolute
 */
export async function removeEmptied(disk: Disk, newHome: string): Promise<void> {
  try {
    await changeFolder(disk, dirname(newHome), () => disk.removeFolder(newHome));
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

async function freePath(disk: Disk, folder: string, name: string): Promise<string> {
  let path = join(folder, name);
  for (let count = 2; (await disk.status(path)) !== undefined; count += 1) path = join(folder, `${name}.${count}`);
  return path;
}
