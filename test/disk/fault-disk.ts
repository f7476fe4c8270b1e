/**
 * A disk in memory that fails, tears, fills up, forgets and stops on purpose, and says which calls were made of it.
 *
 * Every call is numbered from 1. A fault names the call that it strikes: by number, by method and path, or by a count among
 * those that match. After a kill every call rejects with {@link KilledError}; {@link FaultDisk.crash} then gives the disk that
 * the next process finds.
 */
import { setImmediate as nextRound } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { Descriptor } from '../../src/disk/descriptor.js';
import type { Disk, DiskFile, DiskFolder, DiskSpace, NameStatus, OpenMode } from '../../src/disk/disk.js';
import { type CrashLoss, DiskTree, errnoError, type FileNode } from './disk-tree.js';

/** Names of the calls that a disk, a file and a folder take. */
export type DiskMethod =
  | 'open' | 'openFolder' | 'makeFolder' | 'list' | 'status' | 'link' | 'clone' | 'setModified' | 'rename' | 'unlink' | 'removeFolder'
  | 'space'
  | 'append' | 'overwrite' | 'read' | 'datasync' | 'truncate' | 'fileStatus' | 'close' | 'syncFolder' | 'closeFolder';

/** Calls that change what a disk holds, or make it durable: where a crash makes a difference. */
export const CHANGING_METHODS: readonly DiskMethod[] = [
  'open', 'makeFolder', 'link', 'clone', 'setModified', 'rename', 'unlink', 'removeFolder', 'append', 'overwrite', 'datasync', 'truncate',
  'syncFolder',
];

/** One call that was made. */
export interface DiskCall {
  /** From 1. */
  readonly number: number;
  readonly method: DiskMethod;
  /** The path that the file or folder was opened by, or that the call was given first. */
  readonly path: string;
}

/** What happens to a call. */
export type FaultAction =
  /** It rejects with an errno and does nothing; with `carriedOut`, after it has been carried out all the same. */
  | { readonly kind: 'errno'; readonly code: string; readonly carriedOut?: boolean }
  /** A write takes only so many bytes and says so by its count. */
  | { readonly kind: 'short'; readonly bytes: number }
  /** A write takes only so many bytes and rejects with an errno. */
  | { readonly kind: 'torn'; readonly bytes: number; readonly code: string }
  /** The process stops: before the call, after it, or after so many bytes of a write. */
  | { readonly kind: 'kill'; readonly when: 'before' | 'after' | { readonly bytes: number } }
  /** The call is carried out, and its answer comes when the promise resolves; with `queued`, it is carried out only then. */
  | { readonly kind: 'hold'; readonly until: Promise<void>; readonly queued?: boolean };

/** Which calls are struck, and how. What is not named does not matter. */
export interface Fault {
  readonly number?: number;
  /** Calls of a lower number are not looked at. */
  readonly from?: number;
  readonly method?: DiskMethod | readonly DiskMethod[];
  /** The end of the path, or an expression that it matches. */
  readonly path?: string | RegExp;
  /** The how-many-th of the matching calls is struck, from 1. @default 1 */
  readonly nth?: number;
  /** How many matching calls in a row are struck; Infinity for all from there on. @default 1 */
  readonly times?: number;
  readonly action: FaultAction;
}

/** A call that a fault has struck. */
export interface StruckCall extends DiskCall {
  readonly action: FaultAction;
}

/** How long syncs last. */
export interface SlowSyncs {
  /** So many are under way at a time; further ones wait for their turn, as on the real disk. */
  readonly inFlightMax: number;
  /** Rounds of the event loop from the sync to its answer. */
  readonly rounds: number;
}

/** The process was killed: nobody sees this but the test. */
export class KilledError extends Error {
  override readonly name = 'KilledError';

  constructor() {
    super('The process was killed');
  }
}

const NO_CONTENT = { sizeBytes: 0, modifiedMs: 0, changedMs: 0 };

/** How a call is carried out once its fault, if any, is known. */
interface Work<T> {
  readonly method: DiskMethod;
  readonly path: string;
  /** Carries it out; a write is told how many bytes it may take. */
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
  /** Bytes that files may still grow by; writes beyond are short, then ENOSPC. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** What it says of its size. */
  totalBytes = 1_099_511_627_776;
  /** Whether files can share blocks, as on btrfs and XFS; ext4 cannot. */
  canClone = false;

  /** @param tree what is on it; empty when absent */
  constructor(tree: DiskTree = new DiskTree()) {
    this.tree = tree;
  }

  /**
   * Plans a fault. Faults are looked at in the order in which they were planned; the first that strikes decides.
   *
   * @param fault what strikes where
   * @returns takes it away again
   */
  fail(fault: Fault): () => void {
    const planned = { fault, matches: 0 };
    this.#faults.push(planned);
    return () => {
      this.#faults = this.#faults.filter((other) => other !== planned);
    };
  }

  /**
   * Makes syncs last, so that other work goes on while they wait for their turn and for their answer.
   *
   * @param slow how long
   */
  slowSyncs({ inFlightMax, rounds }: SlowSyncs): void {
    this.#slowSyncs = { turns: pLimit(inFlightMax), rounds };
  }

  /** Carries out a call; a sync waits for its turn before, and for its answer afterwards. */
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

  /** Stops the process: every call from now on rejects. */
  kill(): void {
    this.#isKilled = true;
  }

  /** Whether a kill has struck. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Whether a fault is planned that has not been taken away again. */
  get isFaulty(): boolean {
    return this.#faults.length > 0;
  }

  /** Paths of the files and folders that are open now. */
  get openPaths(): readonly string[] {
    return [...this.#open].map((handle) => handle.path);
  }

  /**
   * What the next process finds.
   *
   * @param loss what is lost of what was not synced @default nothing, as after a killed process
   * @returns a disk without faults; this one stays as it is
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
   * Puts bytes under a name, made if need be, as damage or a foreign hand does; they are synced.
   *
   * @param place the path
   * @param bytes the whole content
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

  /** Every call goes through here. It takes effect at once and is answered a little later, as a call of the system is. */
  async #call<T>(work: Work<T>): Promise<T> {
    if (this.#isKilled) throw new KilledError();
    const call = { number: this.calls.length + 1, method: work.method, path: work.path };
    this.calls.push(call);
    const action = this.#strike(call);
    if (action !== undefined) this.struck.push({ ...call, action });
    const result = action === undefined ? work.carryOut() : await this.#play(work, action);
    await Promise.resolve();
    // A call that was under way when the process was killed has had its effect, and nobody learns of it.
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
          // Where the descriptor was closed while the call waited for its turn, its number means nothing any more.
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
        node.syncedBytes = Buffer.from(node.bytes);
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
    const grown = Buffer.alloc(Math.max(node.bytes.length, offset + taken.length));
    node.bytes.copy(grown);
    taken.copy(grown, offset);
    node.bytes = grown;
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

  /** Lets everything that is under way and needs no timer run on, until the disk is left alone. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS_MAX; turn += 1) {
      const before = this.calls.length;
      for (let round = 0; round < SETTLE_ROUNDS; round += 1) await nextRound();
      if (this.calls.length === before) return;
    }
  }
}

/** Rounds of the event loop without a call after which none is under way. */
const SETTLE_ROUNDS = 20;
/** Enough for any operation; a log that looks for room again and again calls for ever. */
const SETTLE_TURNS_MAX = 50;
