/**
 * When the head of an open log is written: in the background, at most once a second of activity, and at the end. A head that
 * cannot be written is said and tried again; it never stops the log.
 */
import type { Logger } from '../../base/logger.js';
import type { LogPosition } from '../log.js';
import type { Disk } from '../../disk/disk.js';
import { createHead, HeadFile, type HeadReading } from './head-file.js';
import type { LogPaths } from './log-paths.js';

/** Longest time that the head lags behind the last synced line, in milliseconds. */
export const HEAD_INTERVAL_MS = 1000;

/** Keeps one log's head. */
export class HeadKeeper {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #identity: { readonly logId: string; readonly logger: Logger };
  #file: HeadFile | undefined;
  #pending: LogPosition | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One write at a time: the slots take turns. */
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param disk the disk
   * @param paths the project's paths
   * @param identity the log's id, and where troubles are told
   */
  constructor(disk: Disk, paths: LogPaths, identity: { readonly logId: string; readonly logger: Logger }) {
    this.#disk = disk;
    this.#path = paths.head;
    this.#identity = identity;
  }

  /**
   * Takes over what was read at start, and makes the head say what holds now.
   *
   * @param reading what was found; a damaged head is written anew
   * @param position the last synced line
   */
  async start(reading: HeadReading, position: LogPosition): Promise<void> {
    this.#pending = position;
    if (!reading.damaged && (await this.#open(reading.slot)) && reading.head?.seq === position.seq) this.#pending = undefined;
    await this.flush();
  }

  /** Opens the head that is there; without it the next write makes a new one. */
  async #open(slot: number): Promise<boolean> {
    try {
      this.#file = await HeadFile.open(this.#disk, this.#path, slot);
      return true;
    } catch (error) {
      this.#identity.logger.warn({ err: error }, 'the head could not be opened; it is written anew');
      return false;
    }
  }

  /**
   * Remembers that the log has grown.
   *
   * @param position the last synced line
   */
  note(position: LogPosition): void {
    this.#pending = position;
    if (this.#timer !== undefined) return;
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
    if (position === undefined) return;
    this.#pending = undefined;
    const head = { logId: this.#identity.logId, seq: position.seq, hash: position.hash };
    try {
      if (this.#file === undefined) {
        await createHead(this.#disk, this.#path, head);
        this.#file = await HeadFile.open(this.#disk, this.#path, 0);
      } else {
        await this.#file.write(head);
      }
    } catch (error) {
      // The old head still stands and is still true. A newer position may have been noted meanwhile.
      this.#pending ??= position;
      this.#identity.logger.warn({ err: error }, 'the head could not be written; it is tried again with the next write');
    }
  }

  /** Writes what was noted and lets go of the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
    await this.#file?.close();
    this.#file = undefined;
  }
}
