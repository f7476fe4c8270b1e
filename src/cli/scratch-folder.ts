/**
 * A folder for the temporary files of a command, outside the data folder. It holds values in plain text, so only its owner may
 * enter it. It is removed when the command ends, and the folder of a killed command by the next command.
 */
import { lstatSync, readlinkSync, rmSync, type Stats } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError, isErrno } from '../base/app-error.js';
import { OutputError } from './command-output.js';

/** `simplekv-<namespace>-<pid>-<random>`; the PID namespace distinguishes the processes of containers that share the folder. */
const NAME_FORM = /^simplekv-(\d+)-(\d+)-\w{6}$/;
const OWNER_ONLY = 0o700;
const PERMISSION_BITS = 0o777;
/** A call in progress may create a file in a folder while that is being removed. */
const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

/** The folder for temporary files does not exist, or this user may not write to it. The command has not read any data yet. */
export class ScratchFolderError extends Error {
  override readonly name = 'ScratchFolderError';

  /** @param parent the folder that TMPDIR names */
  constructor(parent: string, cause: NodeJS.ErrnoException) {
    const remedy = isErrno(cause, 'ENOENT', 'ENOTDIR') ? 'a folder that exists' : 'a folder that this user may write to';
    super(`Cannot create a folder for temporary files in "${parent}" (${cause.code ?? 'no errno'}): set TMPDIR to ${remedy}`, { cause });
  }
}

/**
 * Calls `work` with a folder that is removed afterwards.
 *
 * @param work writes nowhere except to the folder and to the output of the command
 * @throws {ScratchFolderError} when the folder cannot be created
 * @throws {OutputError} when the disk of the folder is full
 */
export async function withScratchFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const namespace = pidNamespace();
  await removeStale(namespace);
  const folder = await create(namespace);
  return await removingAfterwards(folder, async () => {
    try {
      return await work(folder);
    } catch (error) {
      throw isDiskFull(error) ? diskFull(error) : error;
    }
  });
}

/** Calls `work`, and removes a temporary file or folder afterwards, also if the process exits meanwhile. */
export async function removingAfterwards<T>(temporary: string, work: () => Promise<T>): Promise<T> {
  const removeNow = (): void => rmSync(temporary, REMOVAL);
  process.once('exit', removeNow);
  try {
    return await work();
  } finally {
    await rm(temporary, REMOVAL);
    process.removeListener('exit', removeNow);
  }
}

async function create(namespace: string): Promise<string> {
  try {
    return await mkdtemp(path.join(tmpdir(), `simplekv-${namespace}-${process.pid}-`));
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw isDiskFull(error) ? diskFull(error) : new ScratchFolderError(tmpdir(), error);
  }
}

function diskFull(error: unknown): OutputError {
  return new OutputError(`the folder for temporary files "${tmpdir()}"`, error, 'Free disk space there, or set TMPDIR to another folder');
}

/** The work only reads the data folder, so the full disk is that of the scratch folder. */
function isDiskFull(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'disk_full';
  return isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG');
}

/** The PID namespace of this process; 0 if the system does not tell. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** Removes the folders of killed commands. Failures are ignored: removing them is not what this command was started for. */
async function removeStale(namespace: string): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names) {
    const [, where, pid] = NAME_FORM.exec(name) ?? [];
    const folder = path.join(tmpdir(), name);
    if (where !== namespace || isRunning(Number(pid)) || !isOwn(folder)) continue;
    await rm(folder, REMOVAL).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isErrno(error, 'ESRCH');
  }
}

/** In a folder that others may write to, such a name can be anything: only a folder that no other user could have filled is removed. */
function isOwn(folder: string): boolean {
  let status: Stats;
  try {
    status = lstatSync(folder);
  } catch {
    return false;
  }
  return status.isDirectory() && status.uid === process.getuid?.() && (status.mode & PERMISSION_BITS) === OWNER_ONLY;
}
