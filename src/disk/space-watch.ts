/**
 * Watches the free space of a disk and refuses writes before it runs out, so that enough remains for deletes, heads, snapshots and the
 * configuration: the reserve. Does not know what is written. If the disk fills up anyway, the write itself fails.
 *
 * One rule, {@link SpaceWatch.largestBytes}, both refuses writes and reports the free space, so a report never contradicts a refusal.
 */
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from './disk.js';

/** The low-water mark of a large disk, in bytes. */
export const LOW_WATER_BYTES_MAX = 16_777_216;
/** The low-water mark of a small disk, as a share of its size. */
export const LOW_WATER_SHARE = 0.05;
/** Free space at which a low disk is no longer low, as a multiple of the mark. At the mark itself the state would flap. */
const RECOVERY_FACTOR = 1.25;
/** Free space at which the last check counts even if bytes are about to be written, as a multiple of the mark. */
const AMPLE_FACTOR = 2;
// Otherwise a low disk could count as ample.
invariant(RECOVERY_FACTOR < AMPLE_FACTOR, 'a disk with ample space is not low');
/** How long the result of a check is valid, in milliseconds. Other programs use the disk too. */
export const CHECK_LIFETIME_MS = 250;
/** Interval between checks of a low disk without writes, in milliseconds. */
const LOW_CHECK_INTERVAL_MS = 5000;

/** The largest growth that is allowed on a low disk, in bytes: not even a write of 0 bytes. */
const NOTHING_GROWS = -1;
const GROWTH_IS_BYTES = 'growth is a number of bytes';

/** Deleting keys makes the log longer; only removing history frees space. */
const FREE_SPACE = 'lower "retention" of the projects with the longest history, or delete projects; deleting keys frees nothing until ' +
  'retention removes their history';

/**
 * Returns the size of the reserve for deletes, heads and the configuration.
 *
 * @param totalBytes size of the disk in bytes
 * @returns the low-water mark in bytes
 */
export function lowWaterMark(totalBytes: number): number {
  return Math.min(LOW_WATER_BYTES_MAX, Math.floor(totalBytes * LOW_WATER_SHARE));
}

/** What a watch needs. */
export interface SpaceWatchOptions {
  readonly disk: Disk;
  /** A folder of the watched disk. */
  readonly folder: string;
  /** @default the machine's clock */
  readonly clock?: Clock;
  readonly logger: Logger;
  /** Interval between checks of a low disk without writes, in milliseconds. @default LOW_CHECK_INTERVAL_MS */
  readonly lowCheckIntervalMs?: number;
}

/** The result of a check. */
interface Space {
  readonly freeBytes: number;
  readonly markBytes: number;
}

/** Watches one disk. All writers to it share one watch, because it counts what they are about to write. */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  readonly #clock: Clock;
  /** The result of the last check; undefined before the first one, and if the disk reports nothing: then every write is allowed. */
  #space: Space | undefined;
  /** When the last check started, by the monotonic clock. */
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** Bytes allowed since the last check started, which it cannot have counted. */
  #notedBytes = 0;
  /** True from a check that finds less than the mark until one finds {@link RECOVERY_FACTOR} times as much. */
  #isLow = false;
  #refusedBytes: number | undefined;
  /** One check at a time: callers that arrive meanwhile wait for the same one. */
  #checking: Promise<void> | undefined;
  /** Set while the disk is low. */
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;
  #isClosed = false;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Size of the largest write that is allowed now, in bytes: the free space above the mark at the last check, less what has been allowed
   * since. Negative while nothing may grow; infinite before the first check, and if the disk reports nothing.
   */
  get largestBytes(): number {
    if (this.#isLow) return NOTHING_GROWS;
    if (this.#space === undefined) return Number.POSITIVE_INFINITY;
    const { freeBytes, markBytes } = this.#space;
    return freeBytes - this.#notedBytes - markBytes;
  }

  /**
   * Size of the largest write that was refused and would be refused again, in bytes; undefined if there is none. It is remembered until
   * there is space for it: until then its sender gets 507 at each attempt, and the disk must not be reported as healthy.
   */
  get refusedBytes(): number | undefined {
    return this.#refusedBytes !== undefined && this.#refusedBytes > this.largestBytes ? this.#refusedBytes : undefined;
  }

  /** Free bytes at the last check; undefined before the first one, and if the disk reports nothing. */
  get freeBytes(): number | undefined {
    return this.#space?.freeBytes;
  }

  /**
   * Checks the disk unless the last check is recent and found ample space. It then returns immediately, because it precedes every write.
   * Never rejects.
   *
   * @param bytes how much is about to be written, at least 0
   */
  refresh(bytes = 0): void | Promise<void> {
    invariant(Number.isSafeInteger(bytes) && bytes >= 0, GROWTH_IS_BYTES);
    const isRecent = this.#clock.monotonicMs() - this.#checkedAtMs < CHECK_LIFETIME_MS;
    if (!isRecent || !this.#isAmpleFor(bytes)) return this.check();
  }

  /**
   * Decides on one write by the last check. What is allowed counts as used until the next check; what is refused is remembered in
   * {@link SpaceWatch.refusedBytes}.
   *
   * @param bytes size of the write, at least 0
   * @returns false if the disk is low, or would be below its mark after the write
   */
  allowsGrowth(bytes: number): boolean {
    invariant(Number.isSafeInteger(bytes) && bytes >= 0, GROWTH_IS_BYTES);
    if (bytes <= this.largestBytes) {
      this.#notedBytes += bytes;
      return true;
    }
    this.#refusedBytes = Math.max(bytes, this.refusedBytes ?? 0);
    return false;
  }

  #isAmpleFor(bytes: number): boolean {
    return this.#space === undefined || this.largestBytes - bytes >= (AMPLE_FACTOR - 1) * this.#space.markBytes;
  }

  /** Checks the disk now, or joins the check in progress. Never rejects. */
  async check(): Promise<void> {
    if (this.#checking === undefined) this.#checking = this.#check();
    await this.#checking;
  }

  async #check(): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    const notedBefore = this.#notedBytes;
    this.#space = await this.#readSpace();
    this.#checking = undefined;
    this.#checkedAtMs = startedAtMs;
    this.#notedBytes -= notedBefore;
    this.#judge(this.#space);
    this.#refusedBytes = this.refusedBytes;
  }

  /** Some file systems report a size of 0, which means that they do not know. That must not stop every write. */
  async #readSpace(): Promise<Space | undefined> {
    const { disk, folder } = this.#options;
    try {
      const { freeBytes, totalBytes } = await disk.space(folder);
      if (totalBytes > 0) return { freeBytes, markBytes: lowWaterMark(totalBytes) };
      this.#warnOnce(undefined);
    } catch (error) {
      this.#warnOnce(error);
    }
    return undefined;
  }

  #warnOnce(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { logger, folder } = this.#options;
    logger.warn({ folder, err: error }, 'the disk does not report its free space; writes are accepted until it refuses one');
  }

  #judge(space: Space | undefined): void {
    const wasLow = this.#isLow;
    this.#isLow = space !== undefined && space.freeBytes < space.markBytes * (wasLow ? RECOVERY_FACTOR : 1);
    if (this.#isLow === wasLow) return;
    const { logger } = this.#options;
    const facts = { free_bytes: space?.freeBytes, mark_bytes: space?.markBytes, ...(this.#isLow && { what_to_do: FREE_SPACE }) };
    if (this.#isLow) {
      logger.error(facts, 'the disk is nearly full: writes that add data are refused until there is space; reads and deletes continue');
      this.#startTimer();
    } else {
      logger.info(facts, 'the disk has space again: writes are accepted');
      this.#stopTimer();
    }
  }

  /** Without the timer, /readyz would keep reporting a full disk after its clients have gone elsewhere. */
  #startTimer(): void {
    if (this.#isClosed) return;
    this.#timer = setInterval(() => void this.check(), this.#options.lowCheckIntervalMs ?? LOW_CHECK_INTERVAL_MS).unref();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Stops the background checks; resolves when none is in progress. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    await this.#checking;
  }
}
