/**
 * A folder for what a command builds on the way, outside the data folder. It holds values in plain text, so only its owner may
 * enter it, and nothing is left of it: it goes with the command however that ends, and what a killed command left is removed by
 * the next one.
 */
import { lstatSync, readlinkSync, rmSync, type Stats } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError, isErrno } from '../base/app-error.js';
import { OutputError } from './command-output.js';

/** `simplekv-<namespace>-<pid>-<random>`; the namespace tells processes of other containers that share the folder apart. */
const NAME_FORM = /^simplekv-(\d+)-(\d+)-\w{6}$/;
const OWNER_ONLY = 0o700;
const PERMISSION_BITS = 0o777;
/** A call that is still under way may make a file in a folder while it is being removed. */
const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

/** There is no folder for temporary files, or none in which this user may make one. Nothing has been looked at by then. */
export class ScratchFolderError extends Error {
  override readonly name = 'ScratchFolderError';

  /** @param parent the folder that TMPDIR names */
  constructor(parent: string, cause: NodeJS.ErrnoException) {
    const remedy = isErrno(cause, 'ENOENT', 'ENOTDIR') ? 'a folder that exists' : 'a folder that this user may write to';
    super(`Cannot make a folder for temporary files in "${parent}" (${cause.code ?? 'no errno'}): set TMPDIR to ${remedy}`, { cause });
  }
}

/**
 * Lends a folder that is gone afterwards.
 *
 * @param work what needs it; writes nowhere else but to the command's output
 * @returns what `work` returns
 * @throws {ScratchFolderError} when it cannot be made
 * @throws {OutputError} when there is no room for what is built in it
 */
export async function withScratchFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const namespace = pidNamespace();
  await removeStale(namespace);
  const folder = await make(namespace);
  const removeNow = (): void => rmSync(folder, REMOVAL);
  process.once('exit', removeNow);
  try {
    return await work(folder);
  } catch (error) {
    throw isLackOfRoom(error) ? lackOfRoom(error) : error;
  } finally {
    await rm(folder, REMOVAL);
    process.removeListener('exit', removeNow);
  }
}

async function make(namespace: string): Promise<string> {
  try {
    return await mkdtemp(path.join(tmpdir(), `simplekv-${namespace}-${process.pid}-`));
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw isLackOfRoom(error) ? lackOfRoom(error) : new ScratchFolderError(tmpdir(), error);
  }
}

function lackOfRoom(error: unknown): OutputError {
  return new OutputError(`the folder for temporary files "${tmpdir()}"`, error, 'Make room there, or set TMPDIR to another folder');
}

/** The work only reads the data folder, so what had no room was in the scratch folder. */
function isLackOfRoom(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'disk_full';
  return isErrno(error, 'ENOSPC', 'EDQUOT', 'EFBIG');
}

/** Which numbers of processes this one sees; 0 where the system does not say. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

/** Removes the folders of commands that were killed. What cannot be removed stays: it is not what the command was started for. */
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

/** Where others may write, they may have made anything under such a name: only what no other user could have filled is removed. */
function isOwn(folder: string): boolean {
  let status: Stats;
  try {
    status = lstatSync(folder);
  } catch {
    return false;
  }
  return status.isDirectory() && status.uid === process.getuid?.() && (status.mode & PERMISSION_BITS) === OWNER_ONLY;
}
