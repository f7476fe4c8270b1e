/**
 * When the head of an open log is written: in the background, at most once a second, and when the log is closed. A failed write is
 * logged and retried; it never stops the log. Keeps no descriptor open between writes.
 */
import { isErrno } from '../../base/app-error.js';
import type { Logger } from '../../base/logger.js';
import type { Disk } from '../../disk/disk.js';
import type { LogPosition } from '../log.js';
import { createHead, type Head, type HeadReading, otherSlot, writeHeadSlot } from './head-file.js';

/** Longest time by which the head lags behind the last synced line, in milliseconds. */
const HEAD_INTERVAL_MS = 1000;

/** Keeps one log's head up to date. */
export class HeadKeeper {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #logId: string;
  readonly #logger: Logger;
  /** The slot written last; undefined if there is no head file to write to. */
  #newestSlot: number | undefined;
  #pending: LogPosition | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One write at a time, because the slots alternate. */
  #writing: Promise<void> = Promise.resolve();
  /** Once closed, the name may belong to another log. */
  #isClosed = false;

  /** @param path the head's file */
  constructor(disk: Disk, path: string, logId: string, logger: Logger) {
    this.#disk = disk;
    this.#path = path;
    this.#logId = logId;
    this.#logger = logger;
  }

  /**
   * Takes over the head that recovery read, and brings it up to date.
   *
   * @param reading a damaged head is rewritten
   */
  async start(reading: HeadReading, position: LogPosition): Promise<void> {
    if (!reading.damaged) this.#newestSlot = reading.slot;
    if (reading.damaged || reading.head?.seq !== position.seq) this.#pending = position;
    await this.flush();
  }

  /** Schedules a write after lines became durable. */
  note(position: LogPosition): void {
    this.#pending = position;
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, HEAD_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Writes the pending position. Resolves also if that fails. */
  async flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const position = this.#pending;
    if (position === undefined || this.#isClosed) return;
    this.#pending = undefined;
    try {
      this.#newestSlot = await this.#writeSlot({ logId: this.#logId, seq: position.seq, hash: position.hash });
    } catch (error) {
      // The next write recreates a head file that was removed.
      if (isErrno(error, 'ENOENT')) this.#newestSlot = undefined;
      // The old head is still there and still true. A newer position may have been noted meanwhile.
      this.#pending ??= position;
      this.#logger.warn({ err: error }, 'the head could not be written; it is retried with the next write');
    }
  }

  /** @returns the slot that was written */
  async #writeSlot(head: Head): Promise<number> {
    if (this.#newestSlot === undefined) {
      await createHead(this.#disk, this.#path, head);
      return 0;
    }
    const slot = otherSlot(this.#newestSlot);
    await writeHeadSlot(this.#disk, this.#path, slot, head);
    return slot;
  }

  /** Writes the pending position, and nothing from then on. */
  async close(): Promise<void> {
    await this.flush();
    this.abandon();
  }

  /** Stops writing at once, because the file may belong to another writer by now. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.#isClosed = true;
  }
}
