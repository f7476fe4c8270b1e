/**
 * How much room is left, looked at before it is gone: writes that grow a file are refused while there is still enough for
 * deletes, heads, snapshots and the configuration. Knows nothing of what is written; a disk that fills up all the same says so itself.
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
/** How often a low disk is looked at although nobody writes, in milliseconds. */
export const LOW_LOOK_INTERVAL_MS = 5000;

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
  /** How often a low disk is looked at although nobody writes, in milliseconds. @default LOW_LOOK_INTERVAL_MS */
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
  /** One look at a time: whoever comes meanwhile waits for the same. */
  #looking: Promise<void> | undefined;
  /** Set while the disk is low. */
  #timer: NodeJS.Timeout | undefined;
  #hasWarned = false;
  #isClosed = false;

  /** @param options the disk, and where troubles are told */
  constructor(options: SpaceWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** True from when a look found less than the mark until one finds 1.25 times as much. */
  get isLow(): boolean {
    return this.#isLow;
  }

  /** True while the smallest write that grows is refused, by the rule that refuses it, and by what the last look found. */
  get refusesGrowth(): boolean {
    return !this.#isAllowed(1);
  }

  /** Bytes that the last look found free; undefined before the first, and where the disk cannot say. */
  get freeBytes(): number | undefined {
    return this.#room?.freeBytes;
  }

  /**
   * Asks whether files may grow. What is allowed is noted, and counts as used until the next look.
   *
   * The answer is there at once while the last look is young and found ample room; it must cost nothing in front of every write.
   *
   * @param bytes how much is about to be written, at least 0
   * @returns false when the disk is low, or would be below its mark after the write
   */
  allowsGrowth(bytes: number): boolean | Promise<boolean> {
    invariant(Number.isSafeInteger(bytes) && bytes >= 0, 'growth is a number of bytes');
    const isYoung = this.#clock.monotonicMs() - this.#lookedAtMs < LOOK_LIFETIME_MS;
    if (isYoung && this.#leaves(bytes, AMPLE_FACTOR)) return this.#note(bytes);
    return this.#decideAfterLook(bytes);
  }

  async #decideAfterLook(bytes: number): Promise<boolean> {
    await this.look();
    return this.#isAllowed(bytes) && this.#note(bytes);
  }

  /** The one rule, for refusals and for what is said of the disk. */
  #isAllowed(bytes: number): boolean {
    return !this.#isLow && this.#leaves(bytes, 1);
  }

  /** Looks at the disk unless the last look is young: what is said of it is then what the next write is answered. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#lookedAtMs >= LOOK_LIFETIME_MS) await this.look();
  }

  /** Whether so many times the mark are left after a write. */
  #leaves(bytes: number, factor: number): boolean {
    return this.#room === undefined || this.#room.freeBytes - this.#notedBytes - bytes >= factor * this.#room.markBytes;
  }

  #note(bytes: number): true {
    this.#notedBytes += bytes;
    return true;
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
