/**
 * The file that a command writes instead of standard output. It gets its name once it is complete; a command that fails or is
 * interrupted leaves the previous file of that name.
 */
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { link, open, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../base/app-error.js';
import { OutputError, type Sink } from './command-output.js';
import { UsageError } from './exit-codes.js';
import { removingAfterwards } from './scratch-folder.js';

/** Mode of the file: that of the files in a data folder. */
const FILE_MODE = 0o640;

/**
 * Writes a file.
 *
 * @param target its path; the folder must exist
 * @param dataFolder absolute; the file must not be in it. Undefined: no data folder is known
 * @throws {UsageError} when the path is in the data folder, or names something other than a file
 * @throws {OutputError} when it cannot be written
 */
export async function writeOutputFile(
  target: string, dataFolder: string | undefined, work: (sink: Sink) => Promise<void>,
): Promise<void> {
  await writeWhole(await checkedPath(path.resolve(target), dataFolder), work);
}

/** How to write a whole file. */
interface WholeFileOptions {
  /** Called with the temporary name before the file gets its own; if it throws, there is no file. */
  readonly check?: (temporary: string) => Promise<void>;
  /** @default 0640 */
  readonly mode?: number;
  /** Whether a file that got the name meanwhile is left, and the call fails. @default false */
  readonly isNew?: boolean;
}

/**
 * Writes a file under a temporary name beside it, and renames it once it is complete and on disk.
 *
 * @param file absolute
 * @throws {OutputError} when it cannot be written
 */
export async function writeWhole(
  file: string, work: (sink: Sink) => Promise<void>, { check, mode = FILE_MODE, isNew = false }: WholeFileOptions = {},
): Promise<void> {
  const writing = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      throw new OutputError(`"${file}"`, error, 'No file of that name was written or changed');
    }
  };
  const temporary = `${file}.${randomUUID()}.tmp`;
  const handle = await writing(open(temporary, 'wx', mode));
  await removingAfterwards(temporary, async () => {
    try {
      await work({ isClosed: false, print: async (piece) => await writing(handle.writeFile(piece)) });
      await writing(handle.sync());
    } finally {
      await handle.close();
    }
    await check?.(temporary);
    await writing(isNew ? nameNew(temporary, file) : rename(temporary, file));
    await writing(syncFolder(path.dirname(file)));
  });
}

/** Gives a file its name, unless another one has it. */
async function nameNew(temporary: string, file: string): Promise<void> {
  try {
    // Unlike a renaming, it replaces nothing.
    await link(temporary, file);
  } catch (error) {
    // A file system without links, such as that of a memory card.
    if (isErrno(error, 'EEXIST') || (await statusOf(file)) !== undefined) throw error;
    await rename(temporary, file);
  }
}

/** The name is on disk once the folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Follows a link, and refuses a path in the data folder, a device and a pipe. */
async function checkedPath(target: string, dataFolder: string | undefined): Promise<string> {
  const folder = await realpath(path.dirname(target)).catch((error: unknown) => {
    throw new OutputError(`"${target}"`, error, 'No file of that name was written');
  });
  const known = await statusOf(target);
  if (known !== undefined && !known.isFile()) {
    throw new UsageError(`Cannot write to "${target}": not a regular file. Omit --out to write to standard output`);
  }
  const file = known === undefined ? path.join(folder, path.basename(target)) : await realpath(target);
  if (dataFolder === undefined) return file;
  const inside = path.relative(await realpath(dataFolder), file);
  if (inside.startsWith('..') || path.isAbsolute(inside)) return file;
  throw new UsageError(`Cannot write to "${target}": it is in the data folder. Name a file elsewhere`);
}

async function statusOf(target: string): Promise<Stats | undefined> {
  try {
    return await stat(target);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw new OutputError(`"${target}"`, error, 'No file of that name was written');
  }
}
