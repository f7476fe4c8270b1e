/**
 * The few things that a configuration file needs from the disk, behind one seam, so that tests can make each of them fail.
 */
import { link, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { isErrno } from '../base/app-error.js';

/** Only the server's own user may read a file that can hold keys. */
const CONFIG_FILE_MODE = 0o600;

/** A new file that is being written. */
export interface NewConfigFile {
  /**
   * Writes the whole content.
   *
   * @param text the content
   */
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

/** What the disk can do. Everything rejects with a system error. */
export interface ConfigDisk {
  /**
   * Makes a new file that only its owner may read.
   *
   * @param path where nothing may be yet
   */
  open(path: string): Promise<NewConfigFile>;
  /**
   * @param path a file
   * @returns its content, undefined where there is no such file
   */
  read(path: string): Promise<string | undefined>;
  /**
   * Puts a file in the place of another, in one step.
   *
   * @param from the file
   * @param to the name that it gets
   */
  rename(from: string, to: string): Promise<void>;
  /**
   * Gives a file a second name, which must be free.
   *
   * @param from the file
   * @param to the second name
   */
  link(from: string, to: string): Promise<void>;
  /** @param path a file */
  unlink(path: string): Promise<void>;
  /**
   * @param path a folder
   * @returns the names in it
   */
  list(path: string): Promise<readonly string[]>;
  /** @param path a folder */
  openFolder(path: string): Promise<ConfigFolder>;
}

/** The machine's own disk. */
export const systemConfigDisk: ConfigDisk = {
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
  rename,
  link,
  unlink,
  list: (path) => readdir(path),
  openFolder: (path) => open(path, 'r'),
};
