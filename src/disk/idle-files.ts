/**
 * The open files that are not in use. Owns how long they stay open: long enough for the next use to find them open, and no longer, so that
 * ten thousand quiet projects hold no descriptors.
 */
import { systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';

/** How long an unused file stays open, in milliseconds. */
export const FILE_IDLE_MS = 5000;
/** Maximum number of unused files that stay open. */
const IDLE_FILES_MAX = 256;

/** A file that may be closed while it is unused. */
export interface IdleFile {
  /** Closes the descriptor unless it is in use again. Must not reject. */
  release(): Promise<void>;
}

/** How long and how many files stay open. */
interface IdleFilesOptions {
  /** @default {@link FILE_IDLE_MS} */
  readonly idleMs?: number;
  /** @default {@link IDLE_FILES_MAX} */
  readonly filesMax?: number;
}

/** Closes files that are not in use. A server has one for all its files. */
export class IdleFiles {
  readonly #idleMs: number;
  readonly #filesMax: number;
  /** Since when each file is idle, by the monotonic clock in milliseconds; the longest idle one first. */
  readonly #sinceMs = new Map<IdleFile, number>();
  /** The closings in progress. */
  readonly #leaving = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ idleMs = FILE_IDLE_MS, filesMax = IDLE_FILES_MAX }: IdleFilesOptions = {}) {
    invariant(idleMs > 0, 'a file stays open for a while');
    invariant(filesMax >= 0, 'a number of files is not negative');
    this.#idleMs = idleMs;
    this.#filesMax = filesMax;
  }

  /** Notes that a file is no longer in use. */
  add(file: IdleFile): void {
    this.#sinceMs.delete(file);
    this.#sinceMs.set(file, systemClock.monotonicMs());
    const [longest] = this.#sinceMs.keys();
    if (this.#sinceMs.size > this.#filesMax && longest !== undefined) this.#release(longest);
    this.#timer ??= this.#wait(this.#idleMs);
  }

  /** Notes that a file is in use again, or closed. */
  remove(file: IdleFile): void {
    this.#sinceMs.delete(file);
  }

  /**
   * Closes all idle files, when the process has run out of descriptors.
   *
   * @returns false if there was none, and none was being closed
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
