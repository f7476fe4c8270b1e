/**
 * The interface to the disk: every file system call that logs and snapshots make, and no other. Implemented by the real disk and by the
 * disk of the tests, which fails, tears writes and loses unsynced data on purpose.
 *
 * Every implementation guarantees:
 *
 * - A method that resolves has taken full effect. One that rejects with an errno may have taken effect in part.
 * - `append` may write fewer bytes than it was given and reports that only by its count: a short count is not an error here.
 * - `datasync` and `sync` cover everything written to the file before the call, including its size. After one of them has rejected, the
 *   state of those bytes is unknown permanently: a later success proves nothing.
 * - Created, removed and renamed names are durable once the folder has been synced, not before.
 * - Buffers belong to the disk until the call settles.
 * - `close` waits for every call made before it, including queued ones. A call after it is a defect of the caller: it rejects with an
 *   `InvariantError`, never with an errno, so that it is not mistaken for a failure of the disk.
 */

/** How to open a file. */
export type OpenMode =
  /** For `append` at the current end and for `read`; must exist. */
  | 'append'
  /** For `read` only; must exist. */
  | 'read'
  /** For `read` and `overwrite`; must exist. */
  | 'overwrite'
  /** For `append`; must not exist. Mode 0640. */
  | 'create';

/** A time that was set reads back with a rounding error below this, in milliseconds. */
export const TIME_ROUNDING_MS = 1;

/** What a name refers to. */
export interface NameStatus {
  readonly isFolder: boolean;
  /** True for a symbolic link. The other fields then describe its target, if that exists. */
  readonly isLink: boolean;
  readonly sizeBytes: number;
  /** Inode number: equal for two names of one file. */
  readonly inode: number;
  /** When the content last changed, in milliseconds since 1970, at the file system's resolution. */
  readonly modifiedMs: number;
  /** When content, names or times last changed, in the same unit. No program can set it. */
  readonly changedMs: number;
}

/** An open file. */
export interface DiskFile {
  /**
   * Writes at the end of the file, with one system call if the system allows it.
   *
   * @returns how many bytes were written
   */
  append(bytes: Buffer): Promise<number>;

  /**
   * Writes at an offset inside the file.
   *
   * @returns how many bytes were written
   */
  overwrite(bytes: Buffer, offset: number): Promise<number>;

  /**
   * Reads from an offset into a buffer. A read that the device refuses (EIO) is repeated once before it rejects.
   *
   * @returns how many bytes were read; fewer than the buffer holds only at the end of the file
   */
  read(into: Buffer, offset: number): Promise<number>;

  /** Makes content and size durable. */
  datasync(): Promise<void>;

  /** Truncates the file to a size in bytes. */
  truncate(sizeBytes: number): Promise<void>;

  /** @returns size in bytes, and the inode, which shows whether a name still refers to this file */
  status(): Promise<{ readonly sizeBytes: number; readonly inode: number }>;

  /** Closes the descriptor after the calls made so far. */
  close(): Promise<void>;
}

/** An open file as readers need it. */
export type ReadableFile = Pick<DiskFile, 'read' | 'status' | 'close'>;

/** An open folder, which can be synced after its names have changed. */
export interface DiskFolder {
  /** Makes the names in the folder durable. */
  sync(): Promise<void>;
  /** Closes the descriptor after the calls made so far. */
  close(): Promise<void>;
}

/** Free space on a disk. */
export interface DiskSpace {
  /** Bytes that this process can still write. */
  readonly freeBytes: number;
  /** Size of the disk in bytes; 0 if the file system does not report it. */
  readonly totalBytes: number;
}

/** The disk. Paths are absolute. */
export interface Disk {
  /** Opens a file. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Opens a folder to sync it. */
  openFolder(path: string): Promise<DiskFolder>;
  /** Creates a folder (mode 0750) and its missing parents; no error if it exists. */
  makeFolder(path: string): Promise<void>;
  /** @returns names in a folder, empty if there is no such folder */
  list(path: string): Promise<readonly string[]>;
  /** @returns undefined if there is no such name */
  status(path: string): Promise<NameStatus | undefined>;
  /** Gives a file a second name, which must be free. Never replaces a file. */
  link(path: string, newPath: string): Promise<void>;
  /**
   * Creates a file that shares the blocks of another one until either changes, which takes no space and no time. The name must be free.
   *
   * @returns false if the file system cannot do this; no file is created then
   */
  clone(path: string, newPath: string): Promise<boolean>;
  /**
   * Sets when the content of a file last changed; no error if the file system does not allow it.
   *
   * @param modifiedMs milliseconds since 1970; `status` may return a value that differs by less than {@link TIME_ROUNDING_MS}, or by the
   *   file system's resolution
   */
  setModified(path: string, modifiedMs: number): Promise<void>;
  /** Renames a file or a folder; atomically replaces a file of the new name. */
  rename(path: string, newPath: string): Promise<void>;
  /** Removes a name of a file; no error if there is none. */
  unlink(path: string): Promise<void>;
  /** Removes an empty folder; no error if there is none. Rejects if the folder is not empty. */
  removeFolder(path: string): Promise<void>;
  /** @returns the free space on the disk that holds a folder */
  space(path: string): Promise<DiskSpace>;
}

/**
 * Runs a change of names in a folder and makes it durable.
 *
 * Opens the folder before the change, so that a lack of descriptors cannot leave a changed folder unsynced.
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
export async function closing<F extends Pick<DiskFile, 'close'>, T>(file: F, work: (file: F) => Promise<T>): Promise<T> {
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/**
 * Closes a file or a folder and ignores errors. The descriptor is released even if the system reports an error, and its data was synced
 * before, only read, or given up.
 *
 * @param opened the open file or folder, or the attempt to open it, which may have failed
 */
export async function closeQuietly(opened: Pick<DiskFile, 'close'> | Promise<Pick<DiskFile, 'close'>>): Promise<void> {
  try {
    await (await opened).close();
  } catch {
    return;
  }
}

/**
 * Writes a whole buffer to the end of a file.
 *
 * @throws {ShortWriteError} if fewer bytes were written
 */
export async function appendAll(file: DiskFile, bytes: Buffer): Promise<void> {
  const written = await file.append(bytes);
  if (written !== bytes.length) throw new ShortWriteError(bytes.length, written);
}

/**
 * Writes a new file and makes its content durable. Its name is durable once the folder has been synced.
 *
 * @param path the new name; must be free
 * @throws {ShortWriteError} if the disk wrote less, or the errno of the call that failed; the partial file remains
 */
export async function writeNewFile(disk: Disk, path: string, bytes: Buffer): Promise<{ readonly inode: number }> {
  return await closing(await disk.open(path, 'create'), async (file) => {
    await appendAll(file, bytes);
    const { inode } = await file.status();
    await file.datasync();
    return { inode };
  });
}

/** The disk wrote less than it was given without an errno, which means that it is full. */
export class ShortWriteError extends Error {
  override readonly name = 'ShortWriteError';
  /** The errno that applies. */
  readonly code = 'ENOSPC';

  constructor(wantedBytes: number, writtenBytes: number) {
    super(`Cannot write ${wantedBytes} bytes: the disk accepted only ${writtenBytes}`);
  }
}
