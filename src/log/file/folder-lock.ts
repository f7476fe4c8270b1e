/**
 * The lock of the data folder: a Unix socket inside it, held for the lifetime of the process. Because the socket is addressed by path, it
 * also excludes a server in another container that shares the folder. A process that finds the name taken connects to it: an answer means
 * that the holder is alive; a refused connection means that it has died, and its socket is taken over.
 */
import { type FileHandle, link, open, rename, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { randomHexId } from '../../base/random-id.js';

/** Name of the socket. */
export const LOCK_NAME = '_lock';
/** Name of the guard held while a dead holder's socket is replaced. */
const TAKEOVER_NAME = '_lock.takeover';
/** Longest path of a Unix socket in bytes (`sun_path` without its terminator). */
const SOCKET_PATH_BYTES_MAX = 107;
const PROBE_TIMEOUT_MS = 2000;
const HOLDER_TEXT_CHARACTERS_MAX = 8192;
const ATTEMPTS_MAX = 5;

const LOCKING_COMMANDS = ['repair', 'backup', 'restore'] as const;

/** A command that locks a folder. */
export type LockingCommand = (typeof LOCKING_COMMANDS)[number];

/** The process that holds a folder. */
interface LockHolder {
  readonly pid: number;
  /** Path of its configuration file; {@link holderOf} for a command. */
  readonly config: string;
}

const COMMAND_PREFIX = 'simplekv ';

/** Returns the configuration that a command reports which locks a folder. */
export function holderOf(command: LockingCommand): string {
  return COMMAND_PREFIX + command;
}

/** Returns the command that holds a folder; undefined for a server. */
export function commandOf(holder: Pick<LockHolder, 'config'> | undefined): LockingCommand | undefined {
  return LOCKING_COMMANDS.find((command) => holder?.config === holderOf(command));
}

/** Another process uses the folder. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError';
  /** The holder, if it answered. */
  readonly holder: LockHolder | undefined;

  constructor(folder: string, holder: LockHolder | undefined) {
    super(`Cannot use the data folder "${folder}": ${describeHolder(holder)}`);
    this.holder = holder;
  }
}

function describeHolder(holder: LockHolder | undefined): string {
  const command = commandOf(holder);
  if (holder !== undefined && command !== undefined) {
    return `a ${command} (pid ${holder.pid}) is running on it. Try again when it has finished`;
  }
  const known = holder && `the server with pid ${holder.pid}, configuration "${holder.config}"`;
  const who = known ?? 'another server, which does not respond';
  return `it is in use by ${who}. Stop that server, or give this one another persistent_file_path`;
}

type Probe = { readonly kind: 'absent' | 'dead' } | { readonly kind: 'alive'; readonly holder: LockHolder | undefined };

/** A held lock. */
export class FolderLock {
  readonly #folder: string;
  readonly #server: Server;
  readonly #handle: FileHandle;
  readonly #inode: number;

  private constructor(folder: string, server: Server, handle: FileHandle, inode: number) {
    this.#folder = folder;
    this.#server = server;
    this.#handle = handle;
    this.#inode = inode;
  }

  /**
   * Takes the lock of a folder without waiting.
   *
   * @param folder absolute; must exist
   * @throws {FolderLockedError} if another process holds it
   */
  static async acquire(folder: string, holder: LockHolder): Promise<FolderLock> {
    const handle = await open(folder, 'r');
    const ownName = `${LOCK_NAME}.${randomHexId()}`;
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      // Destroyed once the answer is sent, so that a client that never hangs up does not block the release.
      socket.end(`${JSON.stringify(holder)}\n`, () => socket.destroy());
    });
    try {
      await listen(server, socketPath(folder, handle, ownName));
      server.unref();
      const { ino } = await stat(join(folder, ownName));
      await claim(folder, handle, ownName);
      if ((await stat(join(folder, LOCK_NAME))).ino !== ino) throw new FolderLockedError(folder, undefined);
      return new FolderLock(folder, server, handle, ino);
    } catch (error) {
      await new Promise((resolve) => server.close(resolve));
      await handle.close();
      await ignoreAbsent(unlink(join(folder, ownName)));
      throw error;
    }
  }

  /** Releases the lock. */
  async release(): Promise<void> {
    const path = join(this.#folder, LOCK_NAME);
    const status = await ignoreAbsent(stat(path));
    if (status?.ino === this.#inode) await ignoreAbsent(unlink(path));
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#handle.close();
  }
}

/** Returns a path that fits a socket address; a long one goes through the open folder's descriptor. */
function socketPath(folder: string, handle: FileHandle, name: string): string {
  const path = join(folder, name);
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX ? path : `/proc/self/fd/${handle.fd}/${name}`;
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Makes the lock's name refer to our socket. */
async function claim(folder: string, handle: FileHandle, ownName: string): Promise<void> {
  const own = join(folder, ownName);
  const lock = join(folder, LOCK_NAME);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (await linkIfFree(own, lock)) {
      await unlink(own);
      return;
    }
    const found = await probe(socketPath(folder, handle, LOCK_NAME));
    if (found.kind === 'alive') throw new FolderLockedError(folder, found.holder);
    if (found.kind === 'dead' && (await takeOver(folder, handle, ownName))) return;
  }
  throw new FolderLockedError(folder, undefined);
}

/**
 * Replaces a dead holder's socket. The guard admits one process at a time. The holder is probed again under the guard, since another
 * process may have taken over meanwhile. A crash in here leaves the guard, whose socket is then dead as well.
 */
async function takeOver(folder: string, handle: FileHandle, ownName: string): Promise<boolean> {
  const own = join(folder, ownName);
  const guard = join(folder, TAKEOVER_NAME);
  if (!(await linkIfFree(own, guard))) {
    const other = await probe(socketPath(folder, handle, TAKEOVER_NAME));
    if (other.kind === 'alive') throw new FolderLockedError(folder, other.holder);
    await ignoreAbsent(unlink(guard));
    return false;
  }
  try {
    if ((await probe(socketPath(folder, handle, LOCK_NAME))).kind === 'alive') return false;
    await rename(own, join(folder, LOCK_NAME));
    return true;
  } finally {
    await ignoreAbsent(unlink(guard));
  }
}

async function linkIfFree(path: string, newPath: string): Promise<boolean> {
  try {
    await link(path, newPath);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function probe(path: string): Promise<Probe> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    const settle = (outcome: Probe): void => {
      socket.destroy();
      resolve(outcome);
    };
    // A holder that accepts and does not answer is alive: it may be suspended or busy.
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle({ kind: 'alive', holder: undefined }));
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      text = (text + piece).slice(0, HOLDER_TEXT_CHARACTERS_MAX);
    });
    socket.on('end', () => settle({ kind: 'alive', holder: parseHolder(text) }));
    socket.on('error', (error) => {
      if (isErrno(error, 'ECONNREFUSED')) settle({ kind: 'dead' });
      else if (isErrno(error, 'ENOENT')) settle({ kind: 'absent' });
      else settle({ kind: 'alive', holder: undefined });
    });
  });
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed) || !('config' in parsed)) return undefined;
    return typeof parsed.pid === 'number' && typeof parsed.config === 'string' ? { pid: parsed.pid, config: parsed.config } : undefined;
  } catch {
    return undefined;
  }
}

async function ignoreAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
