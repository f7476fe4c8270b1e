/**
 * The files that are open and that nothing uses now. Owns how long they stay open: a while, so that the next use finds them, and no
 * longer, so that ten thousand quiet projects hold no descriptors. Knows nothing of what the files are.
 */
import { systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';

/** How long a file stays open that nothing uses, in milliseconds. */
export const FILE_IDLE_MS = 5000;
/** Files that stay open although nothing uses them, at most. */
export const IDLE_FILES_MAX = 256;

/** A file that may be closed. */
export interface IdleFile {
  /** Closes the descriptor unless it is used again by now. Must not reject. */
  release(): Promise<void>;
}

/** How long and how many. */
export interface IdleFilesOptions {
  /** @default {@link FILE_IDLE_MS} */
  readonly idleMs?: number;
  /** @default {@link IDLE_FILES_MAX} */
  readonly filesMax?: number;
}

/** Closes files that are not used. One for all files of a server. */
export class IdleFiles {
  readonly #idleMs: number;
  readonly #filesMax: number;
  /** Since when each is idle, by the monotonic clock in milliseconds; the one that is idle longest stands first. */
  readonly #sinceMs = new Map<IdleFile, number>();
  /** Files that are being closed. */
  readonly #leaving = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** @param options how long and how many */
  constructor({ idleMs = FILE_IDLE_MS, filesMax = IDLE_FILES_MAX }: IdleFilesOptions = {}) {
    invariant(idleMs > 0, 'a file stays open for a while');
    invariant(filesMax >= 0, 'a number of files is not negative');
    this.#idleMs = idleMs;
    this.#filesMax = filesMax;
  }

  /** Takes note that nothing uses a file any more. */
  add(file: IdleFile): void {
    this.#sinceMs.delete(file);
    this.#sinceMs.set(file, systemClock.monotonicMs());
    const [longest] = this.#sinceMs.keys();
    if (this.#sinceMs.size > this.#filesMax && longest !== undefined) this.#release(longest);
    this.#timer ??= this.#wait(this.#idleMs);
  }

  /** Takes note that a file is used again, or closed. */
  remove(file: IdleFile): void {
    this.#sinceMs.delete(file);
  }

  /**
   * Closes all idle files, for a process that is out of descriptors.
   *
   * @returns false when there was none, and none was being closed
   */
  async releaseAll(): Promise<boolean> {
    for (const file of [...this.#sinceMs.keys()]) this.#release(file);
    const leaving = [...this.#leaving];
    await Promise.all(leaving);
    return leaving.length > 0;
  }

  #release(file: IdleFile): void {
    this.#sinceMs.delete(file);
    const leaving = file.release().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#sweep(), ms).unref();
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = systemClock.monotonicMs();
    for (const [file, sinceMs] of this.#sinceMs) {
      const restMs = sinceMs + this.#idleMs - nowMs;
      if (restMs > 0) {
        this.#timer = this.#wait(Math.ceil(restMs));
        return;
      }
      this.#release(file);
    }
  }
}
