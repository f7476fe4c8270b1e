/**
 * The real disk, through `node:fs`. Owns the limit on syncs in flight, and closes no descriptor with calls queued on it.
 */
import { constants } from 'node:fs';
import {
  copyFile, type FileHandle, link, lstat, mkdir, open, readdir, rename, rmdir, stat, statfs, unlink, utimes,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { isErrno } from '../base/app-error.js';
import { Descriptor } from './descriptor.js';
import type { IdleFiles } from './idle-files.js';
import type { Disk, DiskFile, DiskFolder, DiskSpace, NameStatus, OpenMode } from './disk.js';
import { BLOCKING, POOLED, type Transfers } from './transfers.js';

const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

/**
 * Maximum number of syncs in flight. Node runs file calls on a pool of four threads. If syncs on a slow disk occupied all of them, every
 * read, every host name look-up and every key derivation of the process would stall.
 */
const SYNCS_IN_FLIGHT_MAX = 2;

/**
 * An existing name may be that of a pipe. Opening one without a writer would wait indefinitely in a thread of the pool, for which the
 * process waits at its end. On files, non-blocking has no effect.
 */
const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  append: constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK,
  read: constants.O_RDONLY | constants.O_NONBLOCK,
  overwrite: constants.O_RDWR | constants.O_NONBLOCK,
  create: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL,
};

/**
 * How often to try a call that fails for lack of descriptors, and the pause in between in milliseconds. Calls in flight release their
 * descriptors within a few such pauses.
 */
const DESCRIPTOR_TRIES = 40;
const DESCRIPTOR_WAIT_MS = 25;

/** Errnos of file systems that cannot share blocks, or not between these two files. */
const CANNOT_CLONE = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EINVAL', 'EXDEV', 'EPERM'] as const;

/** Errnos of file systems that keep no times, or do not allow setting them. */
const CANNOT_SET_TIMES = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM'] as const;
const MS_PER_SECOND = 1000;

/** Receives a read of a file that failed and then succeeded when it was repeated. */
type FileRereadReport = (path: string, error: Error) => void;

/** What the files of a disk share. */
interface FileParts {
  readonly syncs: LimitFunction;
  readonly transfers: Transfers;
  readonly onReread: FileRereadReport | undefined;
}

class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #syncs: LimitFunction;
  readonly #transfers: Transfers;
  readonly #descriptor: Descriptor;
  readonly #reportReread: (error: Error) => void;

  constructor(handle: FileHandle, path: string, { syncs, transfers, onReread }: FileParts) {
    this.#handle = handle;
    this.#syncs = syncs;
    this.#transfers = transfers;
    this.#reportReread = (error) => onReread?.(path, error);
    this.#descriptor = new Descriptor(path);
  }

  async append(bytes: Buffer): Promise<number> {
    // Without a position, a descriptor with O_APPEND writes at the end, also after the file was truncated.
    return await this.#descriptor.run(() => this.#transfers.write(this.#handle, bytes));
  }

  async overwrite(bytes: Buffer, offset: number): Promise<number> {
    return await this.#descriptor.run(() => this.#transfers.write(this.#handle, bytes, offset));
  }

  async read(into: Buffer, offset: number): Promise<number> {
    return await this.#descriptor.run(() => readTwice(() => this.#read(into, offset), this.#reportReread));
  }

  async #read(into: Buffer, offset: number): Promise<number> {
    let total = 0;
    while (total < into.length) {
      const count = await this.#transfers.read(this.#handle, into.subarray(total), offset + total);
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  async datasync(): Promise<void> {
    await this.#descriptor.run(() => this.#syncs(() => this.#transfers.datasync(this.#handle)));
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#descriptor.run(() => this.#handle.truncate(sizeBytes));
  }

  async status(): Promise<{ sizeBytes: number; inode: number }> {
    const status = await this.#descriptor.run(() => this.#handle.stat());
    return { sizeBytes: status.size, inode: status.ino };
  }

  async close(): Promise<void> {
    await this.#descriptor.close(() => this.#handle.close());
  }
}

/** `node:fs` as a {@link Disk}. */
export class NodeDisk implements Disk {
  readonly #syncs = pLimit(SYNCS_IN_FLIGHT_MAX);
  readonly #idleFiles: IdleFiles | undefined;
  readonly #files: FileParts;

  /**
   * @param idleFiles are closed when the process has run out of descriptors @default none
   * @param transfers @default on the thread pool
   */
  constructor(idleFiles?: IdleFiles, onReread?: FileRereadReport, transfers: Transfers = POOLED) {
    this.#idleFiles = idleFiles;
    this.#files = { syncs: this.#syncs, transfers, onReread };
  }

  /** Returns a disk that blocks the calling thread while bytes are read, written and synced: for a thread that does nothing else. */
  static blocking(): NodeDisk {
    return new NodeDisk(undefined, undefined, BLOCKING);
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const handle = await this.#open(path, OPEN_FLAGS[mode]);
    return new NodeDiskFile(handle, path, this.#files);
  }

  async openFolder(path: string): Promise<DiskFolder> {
    const handle = await this.#open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    const descriptor = new Descriptor(path);
    return {
      sync: () => descriptor.run(() => this.#syncs(() => handle.sync())),
      close: () => descriptor.close(() => handle.close()),
    };
  }

  async #open(path: string, flags: number): Promise<FileHandle> {
    return await this.#withDescriptors(() => open(path, flags, FILE_MODE));
  }

  /**
   * Retries a call that fails for lack of descriptors, after closing idle files: they must not keep another file from being opened, and a
   * temporary shortage must not look like a fault of the file.
   */
  async #withDescriptors<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isErrno(error, 'EMFILE', 'ENFILE') || tries === DESCRIPTOR_TRIES) throw error;
        if (!(await this.#idleFiles?.releaseAll())) await sleep(DESCRIPTOR_WAIT_MS);
      }
    }
  }

  async makeFolder(path: string): Promise<void> {
    await makeFolders(path);
  }

  async list(path: string): Promise<readonly string[]> {
    return await absentAs(this.#withDescriptors(() => readdir(path)), []);
  }

  async status(path: string): Promise<NameStatus | undefined> {
    const named = await absentAs(lstat(path), undefined);
    if (named === undefined) return undefined;
    const isLink = named.isSymbolicLink();
    const status = isLink ? await absentAs(stat(path), named) : named;
    const times = { modifiedMs: status.mtimeMs, changedMs: status.ctimeMs };
    return { isFolder: status.isDirectory(), isLink, sizeBytes: status.size, inode: status.ino, ...times };
  }

  async link(path: string, newPath: string): Promise<void> {
    await link(path, newPath);
  }

  async clone(path: string, newPath: string): Promise<boolean> {
    try {
      await this.#withDescriptors(() => copyFile(path, newPath, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE));
      return true;
    } catch (error) {
      if (isErrno(error, ...CANNOT_CLONE)) return false;
      throw error;
    }
  }

  async setModified(path: string, modifiedMs: number): Promise<void> {
    try {
      await utimes(path, Date.now() / MS_PER_SECOND, modifiedMs / MS_PER_SECOND);
    } catch (error) {
      if (!isErrno(error, ...CANNOT_SET_TIMES)) throw error;
    }
  }

  async rename(path: string, newPath: string): Promise<void> {
    await rename(path, newPath);
  }

  async unlink(path: string): Promise<void> {
    await absentAs(unlink(path), undefined);
  }

  async removeFolder(path: string): Promise<void> {
    await absentAs(rmdir(path), undefined);
  }

  async space(path: string): Promise<DiskSpace> {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }
}

/**
 * Creates one folder at a time, with at most two attempts each: Node's recursive call loops forever if the parent exists but accepts no
 * new names, as in `/proc`.
 */
async function makeFolders(path: string): Promise<void> {
  try {
    await makeOneFolder(path);
  } catch (error) {
    const above = dirname(path);
    if (!isErrno(error, 'ENOENT') || above === path) throw error;
    await makeFolders(above);
    await makeOneFolder(path);
  }
}

async function makeOneFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    const status = await absentAs(stat(path), undefined);
    if (status?.isDirectory() !== true) throw error;
  }
}

async function absentAs<T, D>(work: Promise<T>, absent: D): Promise<T | D> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return absent;
    throw error;
  }
}

/**
 * Runs a read, and repeats it once if the device refuses it (EIO): a momentary failure of a cable, a controller or a network disk must
 * not make a sound file look damaged.
 *
 * @param report called if the first read failed and the second one did not
 * @throws the error of the second read, or of the first one if it was not EIO
 */
export async function readTwice<T>(read: () => Promise<T>, report?: (error: NodeJS.ErrnoException) => void): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isErrno(error, 'EIO')) throw error;
    const result = await read();
    report?.(error);
    return result;
  }
}
