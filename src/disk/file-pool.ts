/**
 * A bounded number of open files, kept for the next read. Owns when a descriptor is released: never during a read, at the latest when the
 * pool is closed, otherwise when the file has not been read for a while.
 */
import { invariant } from '../base/invariant.js';
import { closeQuietly, type ReadableFile } from './disk.js';
import { type IdleFile, IdleFiles } from './idle-files.js';

/** One open file. */
interface PooledFile extends IdleFile {
  readonly file: Promise<ReadableFile>;
  users: number;
  /** True: closed once it is idle, and reopened for later readers. */
  isLeaving: boolean;
}

/** Open files by number. */
export class FilePool {
  readonly #filesMax: number;
  readonly #idleFiles: IdleFiles;
  /** Least recently used first. */
  readonly #files = new Map<number, PooledFile>();
  /** Number of open files: those in the map, and those that are leaving and still in use. */
  #openCount = 0;
  #waiting: (() => void)[] = [];
  #freeing: Promise<void> | undefined;

  /**
   * @param filesMax maximum number of open files
   * @param idleFiles closes files that are not read; may be shared with other pools @default one of its own
   */
  constructor(filesMax: number, idleFiles: IdleFiles = new IdleFiles()) {
    invariant(filesMax >= 1, 'a pool holds a file');
    this.#filesMax = filesMax;
    this.#idleFiles = idleFiles;
  }

  /**
   * Uses a file, opening it if necessary. Waits while the maximum number of files is in use.
   *
   * @returns what `work` returns
   */
  async use<T>(key: number, open: () => Promise<ReadableFile>, work: (file: ReadableFile) => Promise<T>): Promise<T> {
    const pooled = await this.#take(key, open);
    try {
      return await work(await pooled.file);
    } finally {
      pooled.users -= 1;
      await this.#settle(key, pooled);
    }
  }

  /** Releases a file once it is idle. */
  async drop(key: number): Promise<void> {
    const pooled = this.#files.get(key);
    if (pooled === undefined) return;
    this.#files.delete(key);
    this.#idleFiles.remove(pooled);
    pooled.isLeaving = true;
    await this.#settle(key, pooled);
  }

  /** Releases every file, each once it is idle. */
  async close(): Promise<void> {
    for (const key of [...this.#files.keys()]) await this.drop(key);
    while (this.#openCount > 0) await this.#change();
  }

  async #take(key: number, open: () => Promise<ReadableFile>): Promise<PooledFile> {
    for (;;) {
      const known = this.#files.get(key);
      if (known !== undefined) {
        this.#files.delete(key);
        this.#files.set(key, known);
        known.users += 1;
        this.#idleFiles.remove(known);
        return known;
      }
      if (this.#openCount < this.#filesMax) {
        this.#openCount += 1;
        const pooled: PooledFile = { file: open(), users: 1, isLeaving: false, release: () => this.#release(key, pooled) };
        // Users get the error from the promise. A file that could not be opened is not kept.
        pooled.file.catch(() => this.#forget(key, pooled));
        this.#files.set(key, pooled);
        return pooled;
      }
      // All waiters share one attempt: each on its own would close more files than necessary.
      const freeing = this.#freeing ?? this.#freeOne();
      this.#freeing = freeing;
      await freeing;
    }
  }

  async #freeOne(): Promise<void> {
    try {
      const idle = [...this.#files].find(([, pooled]) => pooled.users === 0);
      await (idle === undefined ? this.#change() : this.drop(idle[0]));
    } finally {
      this.#freeing = undefined;
    }
  }

  /** Closes an idle file, unless it is in use again. */
  async #release(key: number, pooled: PooledFile): Promise<void> {
    if (pooled.users > 0 || pooled.isLeaving) return;
    await this.drop(key);
  }

  #forget(key: number, pooled: PooledFile): void {
    pooled.isLeaving = true;
    if (this.#files.get(key) === pooled) this.#files.delete(key);
  }

  /** After a use: closes an unused file that is leaving; any other unused file is idle from now on. */
  async #settle(key: number, pooled: PooledFile): Promise<void> {
    if (pooled.users === 0 && pooled.isLeaving) {
      await closeQuietly(pooled.file);
      this.#openCount -= 1;
      this.#forget(key, pooled);
    } else if (pooled.users === 0) this.#idleFiles.add(pooled);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Waits until a file is released. */
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
