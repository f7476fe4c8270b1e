/**
 * The file that lines are appended to. Owns its descriptor and the size that it must have; knows bytes, not lines.
 */
import { isErrno } from '../../base/app-error.js';
import { invariant } from '../../base/invariant.js';
import { appendAll, type Disk, type DiskFile } from '../../disk/disk.js';

/** What is known of a segment when it is opened for appending. */
export interface SegmentExtent {
  /** Seq of the first event that stands in it, or will. */
  readonly firstSeq: number;
  /** Size in bytes, all of it accepted lines. */
  readonly sizeBytes: number;
}

/** An open active segment. */
export class ActiveSegment {
  readonly firstSeq: number;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #file: DiskFile;
  /** Accepted bytes. What lies behind them was not acknowledged and is cut. */
  #sizeBytes: number;

  private constructor(disk: Disk, path: string, opened: SegmentExtent & { readonly file: DiskFile }) {
    this.#disk = disk;
    this.#path = path;
    this.#file = opened.file;
    this.firstSeq = opened.firstSeq;
    this.#sizeBytes = opened.sizeBytes;
  }

  /**
   * Opens a segment at its end.
   *
   * @param disk the disk
   * @param path the active segment's path
   * @param extent what it holds
   * @returns the open segment
   */
  static async open(disk: Disk, path: string, extent: SegmentExtent): Promise<ActiveSegment> {
    invariant(extent.firstSeq >= 1, 'seq counts from 1');
    return new ActiveSegment(disk, path, { ...extent, file: await disk.open(path, 'append') });
  }

  /** Accepted bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Writes bytes at the end; they count as accepted when {@link ActiveSegment.accept} is called.
   *
   * @param bytes whole lines
   * @throws {ShortWriteError} when the disk took less, or the errno of the write
   */
  async append(bytes: Buffer): Promise<void> {
    await appendAll(this.#file, bytes);
  }

  /**
   * Counts bytes that were appended as part of the log.
   *
   * @param byteCount how many
   */
  accept(byteCount: number): void {
    this.#sizeBytes += byteCount;
  }

  /** Makes everything that was appended durable. */
  async datasync(): Promise<void> {
    await this.#file.datasync();
  }

  /**
   * Cuts off what was written and not accepted, and makes that durable.
   *
   * @throws when the file cannot be brought back to its accepted bytes: what a restart will find is then unknown
   */
  async cutBack(): Promise<void> {
    await this.#file.truncate(this.#sizeBytes);
    const { sizeBytes } = await this.#file.status();
    invariant(sizeBytes === this.#sizeBytes, `the file has ${this.#sizeBytes} bytes after it was cut, not ${sizeBytes}`);
    await this.#file.datasync();
  }

  /**
   * Looks whether the file is still the one that was written.
   *
   * @returns what is wrong with it, undefined when nothing is
   */
  async findForeignChange(): Promise<string | undefined> {
    const own = await this.#file.status();
    if (own.sizeBytes !== this.#sizeBytes) {
      return `its size is ${own.sizeBytes} bytes, not ${this.#sizeBytes}: somebody else wrote to it or cut it`;
    }
    const named = await this.#disk.status(this.#path);
    if (named?.inode !== own.inode) return 'its name means another file or none: somebody moved, replaced or removed it';
    return undefined;
  }

  /** Lets go of the descriptor. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * Tells whether a failed write means that there was no room, so that cutting back and going on later is right.
 *
 * @param error what the write threw
 * @returns false for EIO, after which nothing is known of the file
 */
export function isRoomError(error: unknown): boolean {
  return !isErrno(error, 'EIO');
}
