/**
 * The few things that a configuration file needs from the disk, behind one seam, so that tests can make each of them fail.
 */
import { constants, link, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { isErrno } from '../base/app-error.js';

/** Only the server's own user may read a file that can hold keys. */
const CONFIG_FILE_MODE = 0o600;
/** What others than the owner may do with a file. */
const OTHERS_MODE_BITS = 0o077;
/** Largest file that is read with its rights. */
const READ_BYTES_MAX = 67_108_864;

/** A new file that is being written. */
export interface NewConfigFile {
  /** Writes the whole content. */
  write(text: string): Promise<void>;
  /** Resolves when the content is on disk. */
  sync(): Promise<void>;
  /** Closes it; called once, last. */
  close(): Promise<void>;
}

/** An open folder. */
export interface ConfigFolder {
  /** Resolves when the names in it are on disk. */
  sync(): Promise<void>;
  /** Closes it; called once, last. */
  close(): Promise<void>;
}

/** A file as it was read, with what its rights say. */
export interface FileWithRights {
  readonly text: string;
  /** True when only its owner may read or change it. */
  readonly isPrivate: boolean;
}

/** What the disk can do. Everything rejects with a system error. */
export interface ConfigDisk {
  /**
   * Makes a new file that only its owner may read.
   *
   * @param path where nothing may be yet
   */
  open(path: string): Promise<NewConfigFile>;
  /** @returns its content, undefined where there is no such file */
  read(path: string): Promise<string | undefined>;
  /** Puts a file in the place of another, in one step. */
  rename(from: string, to: string): Promise<void>;
  /**
   * Gives a file a second name, which must be free.
   *
   * @param to the second name
   */
  link(from: string, to: string): Promise<void>;
  /** @param path a file */
  unlink(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  /** @param path a folder */
  openFolder(path: string): Promise<ConfigFolder>;
}

/** What the file of known keys needs as well. */
export interface KnownKeysDisk extends ConfigDisk {
  /**
   * Reads a file with its rights, both of the same moment. What is no file, or too large to be one of ours, reads as empty.
   *
   * @returns content and rights, undefined where there is no such file
   */
  readWithRights(path: string): Promise<FileWithRights | undefined>;
}

/** The machine's own disk. */
export const systemConfigDisk: KnownKeysDisk = {
  open: async (path) => {
    const handle = await open(path, 'wx', CONFIG_FILE_MODE);
    return { write: (text) => handle.writeFile(text, 'utf8'), sync: () => handle.sync(), close: () => handle.close() };
  },
  read: async (path) => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  },
  readWithRights: async (path) => {
    // Non-blocking, since opening a pipe that has no writer would wait for one.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    try {
      const status = await handle.stat();
      const isReadable = status.isFile() && status.size <= READ_BYTES_MAX;
      return { text: isReadable ? await handle.readFile('utf8') : '', isPrivate: (status.mode & OTHERS_MODE_BITS) === 0 };
    } finally {
      await handle.close();
    }
  },
  rename,
  link,
  unlink,
  list: (path) => readdir(path),
  openFolder: (path) => open(path, 'r'),
};
