/**
 * Keeps servers away from a data folder while files in it are changed by hand.
 */
import { FolderLock } from '../log/file/folder-lock.js';

export { FolderLockedError } from '../log/file/folder-lock.js';

/**
 * Holds the lock of a data folder as long as some work takes.
 *
 * @param dataFolder the data folder, absolute; it must exist
 * @param pid of this process, for whoever finds the folder taken
 * @param work what is done meanwhile
 * @returns what `work` returns
 * @throws {FolderLockedError} when a server has the folder
 */
export async function withFolderLock<T>(dataFolder: string, pid: number, work: () => Promise<T>): Promise<T> {
  const lock = await FolderLock.acquire(dataFolder, { pid, config: 'simplekv repair' });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
