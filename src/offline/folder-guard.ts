/**
 * Keeps servers away from a data folder while files in it are changed by hand.
 */
import { isErrno } from '../base/app-error.js';
import { FolderLock, FolderLockedError, REPAIR_HOLDER } from '../log/file/folder-lock.js';

export { FolderLockedError } from '../log/file/folder-lock.js';

/** The folder is in use, and its files may not be changed. */
export class FolderBusyError extends Error {
  override readonly name = 'FolderBusyError';

  constructor(project: string, { holder }: FolderLockedError) {
    const isRepair = holder?.config === REPAIR_HOLDER;
    const who = holder === undefined ? 'a process that does not answer' : `pid ${holder.pid}`;
    const server = holder === undefined ? who : `${who}, configuration "${holder.config}"`;
    super(
      isRepair
        ? `Cannot repair "${project}": another repair (${who}) is at work on the data folder. Wait until it has ended`
        : `Cannot repair "${project}" while a server runs on its data folder: stop it first (${server}), then repeat this command`,
      { cause: holder },
    );
  }
}

/** The folder may not be changed by this user. */
export class FolderPermissionError extends Error {
  override readonly name = 'FolderPermissionError';
}

/** What is locked, and by whom. */
export interface GuardedRepair {
  /** Absolute; it must exist. */
  readonly dataFolder: string;
  readonly project: string;
  /** Of this process, for those who find the folder taken. */
  readonly pid: number;
}

/**
 * Holds the lock of a data folder as long as some work takes.
 *
 * @returns what `work` returns
 * @throws {FolderBusyError} when a server or another repair has the folder
 * @throws {FolderPermissionError} when this user may not write there
 */
export async function withFolderLock<T>({ dataFolder, project, pid }: GuardedRepair, work: () => Promise<T>): Promise<T> {
  let lock: FolderLock;
  try {
    lock = await FolderLock.acquire(dataFolder, { pid, config: REPAIR_HOLDER });
  } catch (error) {
    if (error instanceof FolderLockedError) throw new FolderBusyError(project, error);
    if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error;
    throw new FolderPermissionError(
      `Cannot repair "${project}": "${dataFolder}" may not be written to (${error.code}). Run the command as the user of the server`,
      { cause: error },
    );
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
