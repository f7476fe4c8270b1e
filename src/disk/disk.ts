/**
 * The seam to the disk: every call that logs and snapshots make of the operating system, and no other. The real disk
 * implements it, and so does the disk of the tests that fails, tears and forgets on purpose.
 *
 * What an implementation promises:
 *
 * - A method that resolves has been carried out; one that rejects with an errno may have been carried out in part.
 * - `append` may write fewer bytes than it was given and say so by its count alone: a short count is not an error here.
 * - `datasync` and `sync` cover everything written to the file before the call, its size included. After one of them has
 *   rejected, the state of those bytes is unknown for ever: a later success proves nothing.
 * - A new name, a removed name and a renamed file are durable when the folder has been synced, not before.
 * - Buffers belong to the disk until the call settles.
 * - `close` lets every call made before it finish first, those that wait for a turn included. A call made after it is a defect of
 *   the caller: it rejects with an `InvariantError`, never with an errno, so that nothing takes it for a failure of the disk.
 */

/** How a file is opened. */
export type OpenMode =
  /** For `append` at the end, wherever that is, and for `read`; must exist. */
  | 'append'
  /** For `read` only; must exist. */
  | 'read'
  /** For `read` and `overwrite`; must exist. */
  | 'overwrite'
  /** For `append`; must not exist. Mode 0640. */
  | 'create';

/** A time that was set is read back with a rounding of less than this, in milliseconds. */
export const TIME_ROUNDING_MS = 1;

/** What is known of a name without opening it. */
export interface NameStatus {
  readonly isFolder: boolean;
  /** True for a symbolic link: the rest is said of what it leads to, if that exists. */
  readonly isLink: boolean;
  readonly sizeBytes: number;
  /** Number of the inode: equal for two names of one file. */
  readonly inode: number;
  /** When the content last changed, in milliseconds since 1970, as coarse as the file system keeps it. */
  readonly modifiedMs: number;
  /** When content, names or times of it last changed, likewise. No program can set it. */
  readonly changedMs: number;
}

/** An open file. */
export interface DiskFile {
  /**
   * Writes at the end of the file with one system call where the system allows it.
   *
   * @returns how many bytes were written
   */
  append(bytes: Buffer): Promise<number>;

  /**
   * Writes at an offset inside the file; used for the slots of the head and for proving a tail.
   *
   * @returns how many bytes were written
   */
  overwrite(bytes: Buffer, offset: number): Promise<number>;

  /**
   * Reads into a buffer from an offset. One that the device refuses (EIO) has been made twice before it rejects.
   *
   * @returns how many bytes were read; fewer than asked for only at the end of the file
   */
  read(into: Buffer, offset: number): Promise<number>;

  /** Makes content and size durable. */
  datasync(): Promise<void>;

  /** Cuts the file to a size in bytes. */
  truncate(sizeBytes: number): Promise<void>;

  /** @returns size in bytes, and the inode, which tells whether a name still means this file */
  status(): Promise<{ readonly sizeBytes: number; readonly inode: number }>;

  /** Closes the descriptor once the calls made so far are done. */
  close(): Promise<void>;
}

/** An open file as readers need it. */
export type ReadableFile = Pick<DiskFile, 'read' | 'status' | 'close'>;

/** An open folder, held open so that it can be synced after its names have changed. */
export interface DiskFolder {
  /** Makes the names in the folder durable. */
  sync(): Promise<void>;
  /** Closes the descriptor once the calls made so far are done. */
  close(): Promise<void>;
}

/** How much room the disk has. */
export interface DiskRoom {
  /** Bytes that this process may still write. */
  readonly freeBytes: number;
  /** Size of the disk in bytes. */
  readonly totalBytes: number;
}

/** The disk. Paths are absolute. */
export interface Disk {
  /** Opens a file. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Opens a folder to sync it. */
  openFolder(path: string): Promise<DiskFolder>;
  /** Makes a folder (mode 0750) and those above it; no error when it is there. */
  makeFolder(path: string): Promise<void>;
  /** @returns names in a folder, empty when there is no such folder */
  list(path: string): Promise<readonly string[]>;
  /** @returns what a name stands for, undefined when there is none */
  status(path: string): Promise<NameStatus | undefined>;
  /** Gives a file a second name, which must be free. */
  link(path: string, newPath: string): Promise<void>;
  /**
   * Makes a new file that shares the blocks of another one until either changes: it takes no room and no time. The name must be free.
   *
   * @returns false when the file system cannot do this; no file is made then
   */
  clone(path: string, newPath: string): Promise<boolean>;
  /**
   * Sets when the content of a file last changed; no error where the file system does not let that be set.
   *
   * @param modifiedMs milliseconds since 1970; what `status` gives back may differ by less than {@link TIME_ROUNDING_MS}, or by as much
   *   as the file system is coarse
   */
  setModified(path: string, modifiedMs: number): Promise<void>;
  /** Renames a file or a folder; a file of the new name is replaced in one step. */
  rename(path: string, newPath: string): Promise<void>;
  /** Removes a name of a file; no error when there is none. */
  unlink(path: string): Promise<void>;
  /** Removes an empty folder; no error when there is none. Whatever is still in it makes the call fail and stays. */
  removeFolder(path: string): Promise<void>;
  /** @returns how much room there is on the disk that holds a folder */
  room(path: string): Promise<DiskRoom>;
}

/**
 * Opens a folder, lets something change names in it, and makes the change durable.
 *
 * The descriptor is taken before the change, so that a lack of descriptors cannot leave a changed folder unsynced.
 *
 * @returns what `change` returns
 */
export async function changeFolder<T>(disk: Disk, path: string, change: () => Promise<T>): Promise<T> {
  const folder = await disk.openFolder(path);
  try {
    const changed = await change();
    await folder.sync();
    return changed;
  } finally {
    await folder.close();
  }
}

/**
 * Passes an open file to `work` and closes it.
 *
 * @returns what `work` returns
 */
export async function closing<T>(file: DiskFile, work: (file: DiskFile) => Promise<T>): Promise<T> {
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/**
 * Writes all of a buffer to the end of a file or fails.
 *
 * @throws {ShortWriteError} when fewer bytes were written
 */
export async function appendAll(file: DiskFile, bytes: Buffer): Promise<void> {
  const written = await file.append(bytes);
  if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
}

/**
 * Writes a new file and makes its content durable; its name is durable when the folder has been synced.
 *
 * @param path the new name; must be free
 * @throws {ShortWriteError} when the disk took less, or the errno of the call that failed; what was written stays
 */
export async function writeNewFile(disk: Disk, path: string, bytes: Buffer): Promise<{ readonly inode: number }> {
  const file = await disk.open(path, 'create');
  try {
    await appendAll(file, bytes);
    const { inode } = await file.status();
    await file.datasync();
    return { inode };
  } finally {
    await file.close();
  }
}

/** The disk took less than it was given and named no reason: it is full, whatever else it is. */
export class ShortWriteError extends Error {
  override readonly name = 'ShortWriteError';
  /** As the system would have said. */
  readonly code = 'ENOSPC';

  /** @param wantedBytes how many bytes were given */
  constructor(wantedBytes: number, writtenBytes: number) {
    super(`Cannot write ${wantedBytes} bytes: the disk took ${writtenBytes}`);
  }
}
