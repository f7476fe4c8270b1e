/**
 * Locks a data folder against servers and other repairs during a repair.
 */
import { isErrno } from '../../base/app-error.js';
import { FolderLock, FolderLockedError, REPAIR_HOLDER } from '../../log/file/folder-lock.js';

export { FolderLockedError } from '../../log/file/folder-lock.js';

/** A server or another repair holds the data folder. */
export class FolderBusyError extends Error {
  override readonly name = 'FolderBusyError';

  constructor(project: string, { holder }: FolderLockedError) {
    const isRepair = holder?.config === REPAIR_HOLDER;
    const who = holder === undefined ? 'a process that does not answer' : `pid ${holder.pid}`;
    const server = holder === undefined ? who : `${who}, configuration "${holder.config}"`;
    super(
      isRepair
        ? `Cannot repair "${project}": another repair (${who}) is running on the data folder. Wait until it has ended`
        : `Cannot repair "${project}" while a server runs on its data folder: stop it first (${server}), then repeat this command`,
      { cause: holder },
    );
  }
}

/** This user may not write to the data folder. */
export class FolderPermissionError extends Error {
  override readonly name = 'FolderPermissionError';
}

/**
 * Holds the lock of a data folder while a repair runs.
 *
 * @param dataFolder absolute; must exist
 * @param pid of this process, for others that find the folder locked
 * @returns what `work` returns
 * @throws {FolderBusyError} when a server or another repair has the folder
 * @throws {FolderPermissionError} when this user may not write there
 */
export async function withFolderLock<T>(dataFolder: string, project: string, pid: number, work: () => Promise<T>): Promise<T> {
  let lock: FolderLock;
  try {
    lock = await FolderLock.acquire(dataFolder, { pid, config: REPAIR_HOLDER });
  } catch (error) {
    if (error instanceof FolderLockedError) throw new FolderBusyError(project, error);
    if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error;
    throw new FolderPermissionError(
      `Cannot repair "${project}": no permission to write to "${dataFolder}" (${error.code}). Run it as the user that the server runs as`,
      { cause: error },
    );
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
