/**
 * When the head of an open log is written: in the background, at most once a second of activity, and at the end. A head that
 * cannot be written is said and tried again; it never stops the log. Holds no descriptor between two writes.
 */
import { isErrno } from '../../base/app-error.js';
import type { Logger } from '../../base/logger.js';
import type { LogPosition } from '../log.js';
import type { Disk } from '../../disk/disk.js';
import { createHead, type HeadReading, otherSlot, writeHeadSlot } from './head-file.js';
import type { LogPaths } from './log-paths.js';

/** Longest time that the head lags behind the last synced line, in milliseconds. */
export const HEAD_INTERVAL_MS = 1000;

/** Keeps one log's head. */
export class HeadKeeper {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #identity: { readonly logId: string; readonly logger: Logger };
  /** The slot that was written last; undefined where there is no head to write to. */
  #newestSlot: number | undefined;
  #pending: LogPosition | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One write at a time: the slots take turns. */
  #writing: Promise<void> = Promise.resolve();
  /** Afterwards the name may be another log's. */
  #isClosed = false;

  constructor(disk: Disk, paths: LogPaths, identity: { readonly logId: string; readonly logger: Logger }) {
    this.#disk = disk;
    this.#path = paths.head;
    this.#identity = identity;
  }

  /**
   * Takes over what was read at start, and makes the head say what holds now.
   *
   * @param reading what was found; a damaged head is written anew
   */
  async start(reading: HeadReading, position: LogPosition): Promise<void> {
    if (!reading.damaged) this.#newestSlot = reading.slot;
    if (reading.damaged || reading.head?.seq !== position.seq) this.#pending = position;
    await this.flush();
  }

  /** Remembers that the log has grown. */
  note(position: LogPosition): void {
    this.#pending = position;
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, HEAD_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Writes what was noted; resolves also when that fails. */
  async flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const position = this.#pending;
    if (position === undefined || this.#isClosed) return;
    this.#pending = undefined;
    try {
      this.#newestSlot = await this.#writeSlot({ logId: this.#identity.logId, seq: position.seq, hash: position.hash });
    } catch (error) {
      // A head that is gone is made anew by the next write.
      if (isErrno(error, 'ENOENT')) this.#newestSlot = undefined;
      // The old head still stands and is still true. A newer position may have been noted meanwhile.
      this.#pending ??= position;
      this.#identity.logger.warn({ err: error }, 'the head could not be written; it is tried again with the next write');
    }
  }

  /** @returns the slot that was written */
  async #writeSlot(head: { readonly logId: string; readonly seq: number; readonly hash: string }): Promise<number> {
    if (this.#newestSlot === undefined) {
      await createHead(this.#disk, this.#path, head);
      return 0;
    }
    const slot = otherSlot(this.#newestSlot);
    await writeHeadSlot(this.#disk, this.#path, { slot, head });
    return slot;
  }

  /** Writes what was noted, and nothing from then on. */
  async close(): Promise<void> {
    await this.flush();
    this.abandon();
  }

  /** Writes nothing any more: the names may be another log's by now. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.#isClosed = true;
  }
}
