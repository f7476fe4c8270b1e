/**
 * A few open files, kept for the next reading. Owns when a descriptor is released: never under a reading that is in progress, never
 * later than the pool, and when nothing has read it for a while.
 */
import { invariant } from '../base/invariant.js';
import { closeQuietly } from './close-quietly.js';
import type { ReadableFile } from './disk.js';
import { type IdleFile, IdleFiles } from './idle-files.js';

/** One open file. */
interface PooledFile extends IdleFile {
  readonly file: Promise<ReadableFile>;
  users: number;
  /** True: closed as soon as it is idle, and opened anew for later readers. */
  isLeaving: boolean;
}

/** Open files by number, at most so many at once. */
export class FilePool {
  readonly #filesMax: number;
  readonly #idleFiles: IdleFiles;
  /** The one that was used longest ago stands first. */
  readonly #files = new Map<number, PooledFile>();
  /** All that are open: those of the map, and those that leave and are still used. */
  #openCount = 0;
  #waiting: (() => void)[] = [];
  #making: Promise<void> | undefined;

  /**
   * @param filesMax how many files are open at once, at most
   * @param idleFiles closes those that are not read; shared with other pools @default one of its own
   */
  constructor(filesMax: number, idleFiles: IdleFiles = new IdleFiles()) {
    invariant(filesMax >= 1, 'a pool holds a file');
    this.#filesMax = filesMax;
    this.#idleFiles = idleFiles;
  }

  /**
   * Uses a file, opened if it is not; waits when as many as may be are in use.
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

  /** Releases one file, once it is idle. */
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
        // Its users learn of it by the promise; one that could not be opened is not kept.
        pooled.file.catch(() => this.#forget(key, pooled));
        this.#files.set(key, pooled);
        return pooled;
      }
      // All who wait, wait for the same: each for itself would close more files than there are to be opened.
      const making = this.#making ?? this.#makeRoom();
      this.#making = making;
      await making;
    }
  }

  async #makeRoom(): Promise<void> {
    try {
      const idle = [...this.#files].find(([, pooled]) => pooled.users === 0);
      await (idle === undefined ? this.#change() : this.drop(idle[0]));
    } finally {
      this.#making = undefined;
    }
  }

  /** Closes a file that nothing reads; one that is read again by now stays. */
  async #release(key: number, pooled: PooledFile): Promise<void> {
    if (pooled.users > 0 || pooled.isLeaving) return;
    await this.drop(key);
  }

  #forget(key: number, pooled: PooledFile): void {
    pooled.isLeaving = true;
    if (this.#files.get(key) === pooled) this.#files.delete(key);
  }

  /** Closes a file that leaves and that nothing uses any more; one that stays is idle from now on. */
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
