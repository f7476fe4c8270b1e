/**
 * The disk operations of the files of the configuration, behind one seam, so that tests can make each of them fail.
 */
import { constants, link, open, readdir, rename, unlink } from 'node:fs/promises';
import { isErrno } from '../base/app-error.js';

/** Only the user that the server runs as may read a file that can hold API keys. */
const CONFIG_FILE_MODE = 0o600;
/** Permissions of everyone but the owner. */
const OTHERS_MODE_BITS = 0o077;
/** Largest file that {@link KnownKeysDisk.readWithRights} reads. */
const READ_BYTES_MAX = 67_108_864;

/** A new file. */
interface NewConfigFile {
  /** Writes the whole content. */
  write(text: string): Promise<void>;
  /** Resolves when the content is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An open folder. */
interface ConfigFolder {
  /** Resolves when the names in it are on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The content of a file and its permissions. */
interface FileWithRights {
  readonly text: string;
  /** True if only the owner may read or change it. */
  readonly isPrivate: boolean;
}

/** The operations. All reject with a system error. */
export interface ConfigDisk {
  /** Creates a file that only its owner may read. There must be no file of that name. */
  open(path: string): Promise<NewConfigFile>;
  /**
   * Reads a file. A folder, a pipe or a file that is too large to be ours reads as empty.
   *
   * @returns undefined if there is no such file
   */
  read(path: string): Promise<string | undefined>;
  /** Atomically replaces a file by another. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name, which must be free. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  openFolder(path: string): Promise<ConfigFolder>;
}

/** The operations of the file of known keys. */
export interface KnownKeysDisk extends ConfigDisk {
  /**
   * Reads a file, as {@link ConfigDisk.read}, and its permissions at the same moment.
   *
   * @returns undefined if there is no such file
   */
  readWithRights(path: string): Promise<FileWithRights | undefined>;
}

/** The file system. */
export const systemConfigDisk: KnownKeysDisk = {
  open: async (path) => {
    const handle = await open(path, 'wx', CONFIG_FILE_MODE);
    return { write: (text) => handle.writeFile(text, 'utf8'), sync: () => handle.sync(), close: () => handle.close() };
  },
  read: async (path) => (await readWithRights(path))?.text,
  readWithRights,
  rename,
  link,
  unlink,
  list: (path) => readdir(path),
  openFolder: (path) => open(path, 'r'),
};

async function readWithRights(path: string): Promise<FileWithRights | undefined> {
  // Non-blocking, because opening a pipe without a writer would wait for one.
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
}
