/**
 * How much room is left, looked at before it is gone: writes that grow a file are refused while there is still enough for
 * deletes, heads, snapshots and the configuration. Knows nothing of what is written; a disk that fills up all the same says so itself.
 *
 * One rule, {@link SpaceWatch.largestBytes}, refuses writes and reports the room, so a report never contradicts a refusal.
 */
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import type { Logger } from '../base/logger.js';
import type { Disk } from './disk.js';

/** The low-water mark of a large disk, in bytes. */
export const LOW_WATER_BYTES_MAX = 16_777_216;
/** The low-water mark of a small disk, as a share of its size. */
export const LOW_WATER_SHARE = 0.05;
/** How much room makes a low disk good again, as a multiple of the mark: at the mark itself it would go to and fro. */
export const RECOVERY_FACTOR = 1.25;
/** How much room needs no new look, as a multiple of the mark. */
const AMPLE_FACTOR = 2;
// So that a low disk is never taken for an ample one.
invariant(RECOVERY_FACTOR < AMPLE_FACTOR, 'a disk with ample room is not low');
/** How long a look is believed, in milliseconds. Others fill the disk too. */
export const LOOK_LIFETIME_MS = 250;
/** Interval between checks of a low disk without writes, in milliseconds. */
export const LOW_LOOK_INTERVAL_MS = 5000;

/** What may grow on a low disk, in bytes: not even a write of none. */
const NOTHING_GROWS = -1;
const GROWTH_IS_BYTES = 'growth is a number of bytes';

/** Deleting keys makes the log longer; what frees room is what removes history. */
const MAKE_ROOM = 'lower "retention" of the projects with the longest history, or delete projects; deleting keys frees nothing until ' +
  'retention removes their history';

/**
 * The room that is kept for deletes, heads and the configuration.
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
  /** A folder of the disk that is watched. */
  readonly folder: string;
  /** @default the machine's clock */
  readonly clock?: Clock;
  readonly logger: Logger;
  /** Interval between checks of a low disk without writes, in milliseconds. @default LOW_LOOK_INTERVAL_MS */
  readonly lowLookIntervalMs?: number;
}

/** What one look has found. */
interface Room {
  readonly freeBytes: number;
  readonly markBytes: number;
}

/** Watches the room on one disk. All that write to it share one watch, since it counts what they are about to write. */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  readonly #clock: Clock;
  /** What the last look found; undefined before the first, and where the disk could not say: then there is room. */
  #room: Room | undefined;
  /** When the last look began, by the monotonic clock. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Bytes that were allowed since the last look began: it cannot have seen them. */
  #notedBytes = 0;
  #isLow = false;
  #refusedBytes: number | undefined;
  /** One look at a time: callers that come meanwhile wait for the same. */
  #looking: Promise<void> | undefined;
  /** Set while the disk is low. */
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;
  #isClosed = false;

  /** @param options the disk, and where troubles are logged */
  constructor(options: SpaceWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** True from when a look found less than the mark until one finds 1.25 times as much. */
  get isLow(): boolean {
    return this.#isLow;
  }

  /**
   * Size of the largest write that is allowed now, in bytes: what is free above the mark, as the last look found it, less what has been
   * allowed since. Negative while nothing may grow; infinite before the first look, and where the disk cannot say.
   */
  get largestBytes(): number {
    if (this.#isLow) return NOTHING_GROWS;
    if (this.#room === undefined) return Number.POSITIVE_INFINITY;
    const { freeBytes, markBytes } = this.#room;
    return freeBytes - this.#notedBytes - markBytes;
  }

  /**
   * Size of the largest write that has been refused and would be refused again, in bytes; undefined when there is none. It is forgotten
   * once there is room for it: until then its sender gets 507 at each attempt, which must not look like a healthy disk.
   */
  get refusedBytes(): number | undefined {
    return this.#refusedBytes !== undefined && this.#refusedBytes > this.largestBytes ? this.#refusedBytes : undefined;
  }

  /** Bytes that the last look found free; undefined before the first, and where the disk cannot say. */
  get freeBytes(): number | undefined {
    return this.#room?.freeBytes;
  }

  /**
   * Looks at the disk unless the last look is young and found ample room; then it returns at once, since it stands in front of every
   * write. Never rejects.
   *
   * @param bytes how much is about to be written, at least 0
   */
  refresh(bytes = 0): void | Promise<void> {
    invariant(Number.isSafeInteger(bytes) && bytes >= 0, GROWTH_IS_BYTES);
    const isYoung = this.#clock.monotonicMs() - this.#lookedAtMs < LOOK_LIFETIME_MS;
    if (!isYoung || !this.#isAmpleFor(bytes)) return this.look();
  }

  /**
   * Decides on one write, by what is known since {@link SpaceWatch.refresh}. What is allowed counts as used until the next look, and
   * what is refused is remembered in {@link SpaceWatch.refusedBytes}.
   *
   * @param bytes size of the write, at least 0
   * @returns false when the disk is low, or would be below its mark after the write
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
    return this.#room === undefined || this.largestBytes - bytes >= (AMPLE_FACTOR - 1) * this.#room.markBytes;
  }

  /** Looks at the disk now, or joins the look that is under way. Never rejects. */
  async look(): Promise<void> {
    if (this.#looking === undefined) this.#looking = this.#look();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    const notedBefore = this.#notedBytes;
    this.#room = await this.#readRoom();
    this.#looking = undefined;
    this.#lookedAtMs = startedAtMs;
    this.#notedBytes -= notedBefore;
    this.#judge(this.#room);
    this.#refusedBytes = this.refusedBytes;
  }

  /** Some file systems answer with a size of 0: they cannot say, and must not stop every write. */
  async #readRoom(): Promise<Room | undefined> {
    const { disk, folder } = this.#options;
    try {
      const { freeBytes, totalBytes } = await disk.room(folder);
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
    logger.warn({ folder, err: error }, 'the disk does not say how much room it has; writes go on until it refuses one');
  }

  #judge(room: Room | undefined): void {
    const wasLow = this.#isLow;
    this.#isLow = room !== undefined && room.freeBytes < room.markBytes * (wasLow ? RECOVERY_FACTOR : 1);
    if (this.#isLow === wasLow) return;
    const { logger } = this.#options;
    const facts = { free_bytes: room?.freeBytes, mark_bytes: room?.markBytes, ...(this.#isLow && { what_to_do: MAKE_ROOM }) };
    if (this.#isLow) {
      logger.error(facts, 'the disk is nearly full: writes that grow are refused until there is room; reads and deletes go on');
      this.#startTimer();
    } else {
      logger.info(facts, 'the disk has room again: writes are taken');
      this.#stopTimer();
    }
  }

  /** Without it the server would stay unready after its clients have gone elsewhere. */
  #startTimer(): void {
    if (this.#isClosed) return;
    this.#timer = setInterval(() => void this.look(), this.#options.lowLookIntervalMs ?? LOW_LOOK_INTERVAL_MS).unref();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the looks in the background; resolves when none is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    await this.#looking;
  }
}
