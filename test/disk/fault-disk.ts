/**
 * A disk in memory that fails, tears writes, fills up, loses unsynced data and stops on purpose, and records the calls made of it.
 *
 * Calls are numbered from 1. A fault selects the calls it strikes by number, by method and path, or by a count among those that match.
 * After a kill every call rejects with {@link KilledError}; {@link FaultDisk.crash} then returns the disk that the next process finds.
 */
import { setImmediate as nextRound } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { Descriptor } from '../../src/disk/descriptor.js';
import type { Disk, DiskFile, DiskFolder, DiskSpace, NameStatus, OpenMode } from '../../src/disk/disk.js';
import { type CrashLoss, DiskTree, errnoError, type FileNode } from './disk-tree.js';

/** The methods of a disk, a file and a folder. */
export type DiskMethod =
  | 'open' | 'openFolder' | 'makeFolder' | 'list' | 'status' | 'link' | 'clone' | 'setModified' | 'rename' | 'unlink' | 'removeFolder'
  | 'space'
  | 'append' | 'overwrite' | 'read' | 'datasync' | 'truncate' | 'fileStatus' | 'close' | 'syncFolder' | 'closeFolder';

/** Calls that change the content of a disk or make it durable: those at which a crash matters. */
export const CHANGING_METHODS: readonly DiskMethod[] = [
  'open', 'makeFolder', 'link', 'clone', 'setModified', 'rename', 'unlink', 'removeFolder', 'append', 'overwrite', 'datasync', 'truncate',
  'syncFolder',
];

/** A call that was made. */
export interface DiskCall {
  /** From 1. */
  readonly number: number;
  readonly method: DiskMethod;
  /** The path that the file or folder was opened with, or the first path of the call. */
  readonly path: string;
}

/** What happens to a call. */
export type FaultAction =
  /** Rejects with an errno without effect; with `carriedOut`, after it has taken effect. */
  | { readonly kind: 'errno'; readonly code: string; readonly carriedOut?: boolean }
  /** A write accepts only this many bytes and returns their count. */
  | { readonly kind: 'short'; readonly bytes: number }
  /** A write accepts only this many bytes and rejects with an errno. */
  | { readonly kind: 'torn'; readonly bytes: number; readonly code: string }
  /** The process is killed: before the call, after it, or after this many bytes of a write. */
  | { readonly kind: 'kill'; readonly when: 'before' | 'after' | { readonly bytes: number } }
  /** Takes effect, and resolves when the promise resolves; with `queued`, it takes effect only then. */
  | { readonly kind: 'hold'; readonly until: Promise<void>; readonly queued?: boolean };

/** Which calls a fault strikes, and how. Absent members match every call. */
export interface Fault {
  readonly number?: number;
  /** Calls with a lower number are ignored. */
  readonly from?: number;
  readonly method?: DiskMethod | readonly DiskMethod[];
  /** The end of the path, or an expression that matches it. */
  readonly path?: string | RegExp;
  /** Which of the matching calls to strike, from 1. @default 1 */
  readonly nth?: number;
  /** How many consecutive matching calls to strike; Infinity for all from there on. @default 1 */
  readonly times?: number;
  readonly action: FaultAction;
}

/** A call that a fault has struck. */
export interface StruckCall extends DiskCall {
  readonly action: FaultAction;
}

/** How long syncs last. */
export interface SlowSyncs {
  /** How many are in progress at a time; further ones are queued, as on the real disk. */
  readonly inFlightMax: number;
  /** Rounds of the event loop from the sync to its answer. */
  readonly rounds: number;
}

/** The process was killed; only the test sees this error. */
export class KilledError extends Error {
  override readonly name = 'KilledError';

  constructor() {
    super('The process was killed');
  }
}

const NO_CONTENT = { sizeBytes: 0, modifiedMs: 0, changedMs: 0 };

/** How a call takes effect once its fault, if any, is known. */
interface Work<T> {
  readonly method: DiskMethod;
  readonly path: string;
  /** Performs the call; a write gets the number of bytes it may accept. */
  carryOut(bytesMax?: number): T;
}

/** A disk for tests. */
export class FaultDisk implements Disk {
  readonly tree: DiskTree;
  readonly calls: DiskCall[] = [];
  /** Calls that a fault has struck, in order. */
  readonly struck: StruckCall[] = [];
  #faults: { readonly fault: Fault; matches: number }[] = [];
  #isKilled = false;
  readonly #open = new Set<{ readonly path: string }>();
  #slowSyncs: { readonly turns: LimitFunction; readonly rounds: number } | undefined;
  /** Bytes by which files may still grow; writes beyond that are short, then ENOSPC. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** The size that it reports. */
  totalBytes = 1_099_511_627_776;
  /** Whether files can share blocks, as on btrfs and XFS; ext4 cannot. */
  canClone = false;

  /** @param tree its content @default empty */
  constructor(tree: DiskTree = new DiskTree()) {
    this.tree = tree;
  }

  /**
   * Plans a fault. The first planned fault that matches a call decides.
   *
   * @returns a function that removes the fault
   */
  fail(fault: Fault): () => void {
    const planned = { fault, matches: 0 };
    this.#faults.push(planned);
    return () => {
      this.#faults = this.#faults.filter((other) => other !== planned);
    };
  }

  /**
   * Makes syncs slow, so that other work continues while they are queued or in progress.
   *
   */
  slowSyncs({ inFlightMax, rounds }: SlowSyncs): void {
    this.#slowSyncs = { turns: pLimit(inFlightMax), rounds };
  }

  /** Performs a call; a sync is queued before, and delayed afterwards. */
  async #inTurn<T>(method: DiskMethod, work: () => Promise<T>): Promise<T> {
    if (this.#slowSyncs === undefined || (method !== 'datasync' && method !== 'syncFolder')) return await work();
    const { turns, rounds } = this.#slowSyncs;
    return await turns(async () => {
      const result = await work();
      for (let round = 0; round < rounds; round += 1) await nextRound();
      if (this.#isKilled) throw new KilledError();
      return result;
    });
  }

  /** Kills the process: every call from now on rejects. */
  kill(): void {
    this.#isKilled = true;
  }

  /** Whether a kill has struck. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Whether a fault is planned and was not removed. */
  get isFaulty(): boolean {
    return this.#faults.length > 0;
  }

  /** Paths of the files and folders that are open now. */
  get openPaths(): readonly string[] {
    return [...this.#open].map((handle) => handle.path);
  }

  /**
   * Returns the disk that the next process finds.
   *
   * @param loss which unsynced data is lost @default none, as after a killed process
   * @returns a disk without faults; this one does not change
   */
  crash(loss: CrashLoss = { content: 'cached', size: 'cached', names: 'cached' }): FaultDisk {
    const survivor = new FaultDisk(this.tree.survivor(loss));
    survivor.canClone = this.canClone;
    return survivor;
  }

  /** Content of every file by path, as running programs see it. */
  contents(): Map<string, Buffer> {
    return new Map([...this.tree.files()].map(([place, node]) => [place, Buffer.from(node.bytes)]));
  }

  /**
   * Sets the content of a file, created if necessary, like damage or another program would. It is durable.
   *
   */
  put(place: string, bytes: Buffer | string): void {
    const node = this.tree.find(place) ?? this.tree.createFile(place);
    if (node.kind === 'folder') throw errnoError('EISDIR', place);
    node.bytes = Buffer.from(bytes);
    this.tree.touch(node);
    this.tree.syncAll();
  }

  /** The content of a file. */
  bytesOf(place: string): Buffer {
    return Buffer.from(this.tree.file(place).bytes);
  }

  #strike(call: DiskCall): FaultAction | undefined {
    let struck: FaultAction | undefined;
    for (const planned of this.#faults) {
      const { fault } = planned;
      if (fault.number !== undefined && fault.number !== call.number) continue;
      if (call.number < (fault.from ?? 1)) continue;
      if (fault.method !== undefined && ![fault.method].flat().includes(call.method)) continue;
      if (typeof fault.path === 'string' && !call.path.endsWith(fault.path)) continue;
      if (fault.path instanceof RegExp && !fault.path.test(call.path)) continue;
      planned.matches += 1;
      const first = fault.nth ?? 1;
      if (planned.matches >= first && planned.matches < first + (fault.times ?? 1)) struck ??= fault.action;
    }
    return struck;
  }

  /** All calls go through here. A call takes effect immediately and resolves a little later, like a system call. */
  async #call<T>(work: Work<T>): Promise<T> {
    if (this.#isKilled) throw new KilledError();
    const call = { number: this.calls.length + 1, method: work.method, path: work.path };
    this.calls.push(call);
    const action = this.#strike(call);
    if (action !== undefined) this.struck.push({ ...call, action });
    const result = action === undefined ? work.carryOut() : await this.#play(work, action);
    await Promise.resolve();
    // A call in progress when the process was killed has taken effect without an answer.
    if (this.#isKilled) throw new KilledError();
    return result;
  }

  async #play<T>(work: Work<T>, action: FaultAction): Promise<T> {
    const isWrite = work.method === 'append' || work.method === 'overwrite';
    switch (action.kind) {
      case 'errno':
        if (action.carriedOut === true) work.carryOut();
        throw errnoError(action.code, `${work.method} ${work.path}`);
      case 'short':
        return work.carryOut(action.bytes);
      case 'torn':
        if (isWrite) work.carryOut(action.bytes);
        throw errnoError(action.code, `${work.method} ${work.path}`);
      case 'kill':
        if (action.when === 'after') work.carryOut();
        else if (action.when !== 'before' && isWrite) work.carryOut(action.when.bytes);
        this.#isKilled = true;
        throw new KilledError();
      case 'hold': {
        if (action.queued === true) {
          await action.until;
          return work.carryOut();
        }
        const result = work.carryOut();
        await action.until;
        return result;
      }
    }
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return await this.#call({
      method: 'open',
      path,
      carryOut: () => {
        const node = mode === 'create' ? this.tree.createFile(path) : this.tree.file(path);
        return this.#file(node, path, mode);
      },
    });
  }

  #file(node: FileNode, path: string, mode: OpenMode): DiskFile {
    const handle = { path };
    this.#open.add(handle);
    const descriptor = new Descriptor(path);
    const does = <T>(method: DiskMethod, modes: readonly OpenMode[], carryOut: (bytesMax?: number) => T): Promise<T> => (
      descriptor.run(async () => {
        if (!modes.includes(mode)) throw errnoError('EBADF', `${method} ${path}`);
        return await this.#inTurn(method, () => {
          // If the descriptor was closed while the call was queued, its number is invalid.
          if (!this.#open.has(handle)) throw errnoError('EBADF', `${method} ${path}`);
          return this.#call({ method, path, carryOut });
        });
      })
    );
    const every: readonly OpenMode[] = ['append', 'create', 'read', 'overwrite'];
    return {
      append: (bytes) => does(
        'append', ['append', 'create'], (bytesMax = bytes.length) => this.#write(node, bytes.subarray(0, bytesMax), node.bytes.length),
      ),
      overwrite: (bytes, offset) => does(
        'overwrite', ['overwrite'], (bytesMax = bytes.length) => this.#write(node, bytes.subarray(0, bytesMax), offset),
      ),
      read: (into, offset) => does(
        'read', ['read', 'overwrite', 'append'], () => node.bytes.copy(into, 0, Math.min(offset, node.bytes.length)),
      ),
      datasync: () => does('datasync', every, () => {
        node.syncedBytes = node.bytes;
      }),
      truncate: (sizeBytes) => does('truncate', ['append', 'create', 'overwrite'], () => {
        node.bytes = Buffer.concat([node.bytes.subarray(0, sizeBytes), Buffer.alloc(Math.max(0, sizeBytes - node.bytes.length))]);
        this.tree.touch(node);
      }),
      status: () => does('fileStatus', every, () => ({ sizeBytes: node.bytes.length, inode: node.inode })),
      close: () => descriptor.close(() => this.#call({
        method: 'close',
        path,
        carryOut: () => {
          this.#open.delete(handle);
        },
      })),
    };
  }

  #write(node: FileNode, bytes: Buffer, offset: number): number {
    const growth = Math.max(0, offset + bytes.length - node.bytes.length);
    const taken = bytes.subarray(0, bytes.length - Math.max(0, growth - this.roomBytes));
    if (taken.length === 0 && bytes.length > 0) throw errnoError('ENOSPC', 'no room is left');
    this.roomBytes -= Math.max(0, offset + taken.length - node.bytes.length);
    node.bytes = offset === node.bytes.length ? extended(node, taken) : overwritten(node.bytes, taken, offset);
    this.tree.touch(node);
    return taken.length;
  }

  async openFolder(path: string): Promise<DiskFolder> {
    return await this.#call({
      method: 'openFolder',
      path,
      carryOut: () => {
        const node = this.tree.folder(path);
        const handle = { path };
        this.#open.add(handle);
        const descriptor = new Descriptor(path);
        return {
          sync: () => descriptor.run(() => this.#inTurn('syncFolder', () => this.#call({
            method: 'syncFolder',
            path,
            carryOut: () => {
              node.syncedNames = new Map(node.names);
            },
          }))),
          close: () => descriptor.close(() => this.#call({
            method: 'closeFolder',
            path,
            carryOut: () => {
              this.#open.delete(handle);
            },
          })),
        };
      },
    });
  }

  async makeFolder(path: string): Promise<void> {
    await this.#call({ method: 'makeFolder', path, carryOut: () => this.tree.makeFolder(path) });
  }

  async list(path: string): Promise<readonly string[]> {
    return await this.#call({
      method: 'list',
      path,
      carryOut: () => (this.tree.find(path) === undefined ? [] : [...this.tree.folder(path).names.keys()]),
    });
  }

  async status(path: string): Promise<NameStatus | undefined> {
    return await this.#call({
      method: 'status',
      path,
      carryOut: () => {
        const node = this.tree.find(path);
        if (node === undefined) return undefined;
        if (node.kind === 'folder') return { isFolder: true, isLink: false, inode: node.inode, ...NO_CONTENT };
        const { bytes, inode, modifiedMs, changedMs } = node;
        return { isFolder: false, isLink: false, sizeBytes: bytes.length, inode, modifiedMs, changedMs };
      },
    });
  }

  async link(path: string, newPath: string): Promise<void> {
    await this.#call({ method: 'link', path, carryOut: () => this.tree.link(path, newPath) });
  }

  async clone(path: string, newPath: string): Promise<boolean> {
    return await this.#call({
      method: 'clone',
      path,
      carryOut: () => {
        const { bytes } = this.tree.file(path);
        if (this.canClone) this.tree.createFile(newPath, Buffer.from(bytes));
        return this.canClone;
      },
    });
  }

  async setModified(path: string, modifiedMs: number): Promise<void> {
    await this.#call({ method: 'setModified', path, carryOut: () => this.tree.setModified(path, modifiedMs) });
  }

  async rename(path: string, newPath: string): Promise<void> {
    await this.#call({ method: 'rename', path, carryOut: () => this.tree.rename(path, newPath) });
  }

  async unlink(path: string): Promise<void> {
    await this.#call({
      method: 'unlink',
      path,
      carryOut: () => {
        if (this.tree.find(path)?.kind === 'folder') throw errnoError('EISDIR', path);
        this.tree.remove(path);
      },
    });
  }

  async removeFolder(path: string): Promise<void> {
    await this.#call({ method: 'removeFolder', path, carryOut: () => this.tree.removeFolder(path) });
  }

  async space(path: string): Promise<DiskSpace> {
    return await this.#call({ method: 'space', path, carryOut: () => ({ freeBytes: this.roomBytes, totalBytes: this.totalBytes }) });
  }

  /** Runs everything in progress that needs no timer, until there are no more calls. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS_MAX; turn += 1) {
      const before = this.calls.length;
      for (let round = 0; round < SETTLE_ROUNDS; round += 1) await nextRound();
      if (this.calls.length === before) return;
    }
  }
}

/** Rounds of the event loop without a call after which none is in progress. */
const SETTLE_ROUNDS = 20;
/** Enough for any operation; a log that keeps probing for disk space never stops calling. */
const SETTLE_TURNS_MAX = 50;

/** Spare capacity of files that grow, so that an append does not copy the content. Valid only for the content it was last used for. */
const reserves = new WeakMap<FileNode, { readonly bytes: Buffer; content: Buffer }>();

function extended(node: FileNode, bytes: Buffer): Buffer {
  const { length } = node.bytes;
  const sizeBytes = length + bytes.length;
  let reserve = reserves.get(node);
  if (reserve?.content !== node.bytes || reserve.bytes.length < sizeBytes) {
    reserve = { bytes: Buffer.alloc(2 * sizeBytes), content: node.bytes };
    node.bytes.copy(reserve.bytes);
    reserves.set(node, reserve);
  }
  bytes.copy(reserve.bytes, length);
  reserve.content = reserve.bytes.subarray(0, sizeBytes);
  return reserve.content;
}

function overwritten(content: Buffer, bytes: Buffer, offset: number): Buffer {
  const changed = Buffer.alloc(Math.max(content.length, offset + bytes.length));
  content.copy(changed);
  bytes.copy(changed, offset);
  return changed;
}
