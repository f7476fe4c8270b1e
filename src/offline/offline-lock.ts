/**
 * Locks a data folder against servers and other commands while a command changes or copies it.
 */
import { isErrno } from '../base/app-error.js';
import { commandOf, FolderLock, FolderLockedError, holderOf, type LockingCommand } from '../log/file/folder-lock.js';

export { FolderLockedError } from '../log/file/folder-lock.js';

/** What a command does with a data folder, for messages. */
interface LockedWork {
  readonly command: LockingCommand;
  /** What cannot be done while the folder is locked, such as `repair "shop"`. */
  readonly action: string;
  /** What to do instead of stopping the server; absent if there is nothing. */
  readonly otherwise?: string;
}

/** A server or another command holds the data folder. */
export class FolderBusyError extends Error {
  override readonly name = 'FolderBusyError';

  constructor({ action, otherwise }: LockedWork, { holder }: FolderLockedError) {
    const command = commandOf(holder);
    const who = holder === undefined ? 'a process that does not answer' : `pid ${holder.pid}`;
    const server = holder === undefined ? who : `${who}, configuration "${holder.config}"`;
    const instead = otherwise === undefined ? '' : `. Or ${otherwise}`;
    super(
      command === undefined
        ? `Cannot ${action} while a server runs on its data folder: stop it first (${server}), then repeat this command${instead}`
        : `Cannot ${action}: another ${command} (${who}) is running on the data folder. Wait until it has ended`,
      { cause: holder },
    );
  }
}

/** This user may not write to the data folder. */
export class FolderPermissionError extends Error {
  override readonly name = 'FolderPermissionError';
}

/**
 * Holds the lock of a data folder while a command runs.
 *
 * @param dataFolder absolute; must exist
 * @param pid of this process, for others that find the folder locked
 * @returns what `work` returns
 * @throws {FolderBusyError} when a server or another command has the folder
 * @throws {FolderPermissionError} when this user may not write there
 */
export async function withFolderLock<T>(dataFolder: string, locked: LockedWork, pid: number, work: () => Promise<T>): Promise<T> {
  let lock: FolderLock;
  try {
    lock = await FolderLock.acquire(dataFolder, { pid, config: holderOf(locked.command) });
  } catch (error) {
    if (error instanceof FolderLockedError) throw new FolderBusyError(locked, error);
    if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS')) throw error;
    throw new FolderPermissionError(
      `Cannot ${locked.action}: no permission to write to "${dataFolder}" (${error.code}). Run it as the user that the server runs as`,
      { cause: error },
    );
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
