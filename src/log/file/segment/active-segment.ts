/**
 * The file that lines are appended to. Owns its descriptor, which file it is and the size that it must have; knows bytes, not lines.
 *
 * Two writers of one file are distinguished by its size. Each appends at the end and then looks: the file must have grown by exactly what
 * it has written, and its name must still mean it. Whichever looks after both have written sees the bytes of the other, so at most one
 * of two batches that follow the same line passes, and only what has passed is acknowledged. What is cut off again is compared with
 * what was written before, so that it can never be the other's.
 */
import { isErrno } from '../../../base/app-error.js';
import { invariant } from '../../../base/invariant.js';
import { appendAll, type Disk, type DiskFile } from '../../../disk/disk.js';
import { ForeignChangeError } from '../../../disk/disk-fault.js';
import { HeldFile } from '../../../disk/held-file.js';
import type { IdleFiles } from '../../../disk/idle-files.js';

/** What is known of a segment. */
export interface SegmentExtent {
  /** Seq of the first event that stands in it, or will. */
  readonly firstSeq: number;
  /** Size in bytes, all of it accepted lines. */
  readonly sizeBytes: number;
  /** Number of its inode: a name that means another one is not this segment. */
  readonly inode: number;
}

/** Where a segment is. */
export interface SegmentPlace {
  readonly disk: Disk;
  /** The active segment's path. */
  readonly path: string;
  /** Closes the descriptor when nothing is appended. */
  readonly idleFiles: IdleFiles;
}

/** The active segment, open while it is written to. */
export class ActiveSegment {
  readonly firstSeq: number;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #inode: number;
  readonly #file: HeldFile;
  /** Accepted bytes. What lies behind them was not acknowledged and is cut. */
  #sizeBytes: number;
  /** Where the file ends, accepted or not; undefined after a write that did not succeed, until it is cut back. */
  #endBytes: number | undefined;
  /** Counts writes, so that a sync knows whether it has covered all of them. */
  #writes = 0;

  /** Takes charge of a segment; it is opened with the first write. */
  constructor({ disk, path, idleFiles }: SegmentPlace, extent: SegmentExtent) {
    invariant(extent.firstSeq >= 1, 'seq counts from 1');
    this.#disk = disk;
    this.#path = path;
    this.#inode = extent.inode;
    this.firstSeq = extent.firstSeq;
    this.#sizeBytes = extent.sizeBytes;
    this.#endBytes = extent.sizeBytes;
    this.#file = new HeldFile(() => this.#open(), idleFiles);
  }

  /** Accepted bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether there is something to cut back: bytes behind the accepted ones, or a write of which that is not known. */
  get isCutDue(): boolean {
    return this.#endBytes !== this.#sizeBytes;
  }

  /** While the descriptor was closed, anything may have happened to the name. */
  async #open(): Promise<DiskFile> {
    let file: DiskFile;
    try {
      file = await this.#disk.open(this.#path, 'append');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) throw new ForeignChangeError('its name means no file: another program moved or removed it');
      throw error;
    }
    try {
      await this.#refuseForeignChange(file);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Looks whether the file is still the one that was written.
   *
   * @throws {ForeignChangeError} when it is not
   * @throws {NotOpenedError} when it could not be opened
   */
  async check(): Promise<void> {
    await this.#file.use((file) => this.#refuseForeignChange(file));
  }

  async #refuseForeignChange(file: DiskFile): Promise<void> {
    const [own, named] = await Promise.all([file.status(), this.#disk.status(this.#path)]);
    if (own.inode !== this.#inode || named?.inode !== this.#inode) {
      throw new ForeignChangeError('its name means another file or none: another program moved, replaced or removed it');
    }
    const dueBytes = this.#endBytes;
    if (dueBytes === undefined || own.sizeBytes === dueBytes) return;
    throw new ForeignChangeError(`its size is ${own.sizeBytes} bytes, not ${dueBytes}: another program wrote to it or cut it`);
  }

  /**
   * Writes bytes at the end, and makes sure that they are the only ones there; they count as accepted when {@link ActiveSegment.accept}
   * is called.
   *
   * @param bytes whole lines
   * @throws {NotOpenedError} when the file could not be opened: nothing was written
   * @throws {ForeignChangeError} when the file is not what was written: what follows a restart is not known
   * @throws {ShortWriteError} when the disk took less, or the errno of the write
   */
  async append(bytes: Buffer): Promise<void> {
    await this.#file.use(async (file) => {
      const endBytes = this.#endBytes;
      invariant(endBytes !== undefined, 'a file is brought back to its accepted bytes before it is written to again');
      this.#endBytes = undefined;
      this.#writes += 1;
      // From here on there may be bytes that only a sync on this descriptor can vouch for.
      this.#file.keep(true);
      try {
        await appendAll(file, bytes);
      } finally {
        // A sync that ended meanwhile may have covered a part of it at most.
        this.#writes += 1;
        this.#file.keep(true);
      }
      this.#endBytes = endBytes + bytes.length;
      await this.#refuseForeignChange(file);
    });
  }

  /** Counts bytes that were appended as part of the log. */
  accept(byteCount: number): void {
    this.#sizeBytes += byteCount;
  }

  /** Makes everything that was appended before the call durable. */
  async datasync(): Promise<void> {
    await this.#file.use((file) => this.#sync(file));
  }

  async #sync(file: DiskFile): Promise<void> {
    const writes = this.#writes;
    await file.datasync();
    if (this.#writes === writes) this.#file.keep(false);
  }

  /**
   * Cuts off what was written and not accepted, and makes that durable.
   *
   * @throws {ForeignChangeError} when what lies behind the accepted bytes is not what was written; it is not touched then
   * @throws the errno of a call that failed: what a restart will find is then unknown
   */
  async cutBack(bytes: Buffer): Promise<void> {
    this.#endBytes = undefined;
    await this.#file.use(async (file) => {
      const { sizeBytes } = await file.status();
      if (sizeBytes !== this.#sizeBytes) {
        await this.#refuseForeignBytes(file, bytes, sizeBytes);
        await file.truncate(this.#sizeBytes);
      }
      this.#endBytes = this.#sizeBytes;
      await this.#refuseForeignChange(file);
      await this.#sync(file);
    });
  }

  /** What lies behind the accepted bytes has to be what the disk took of it. */
  async #refuseForeignBytes(file: DiskFile, bytes: Buffer, sizeBytes: number): Promise<void> {
    const found = Buffer.alloc(Math.max(0, Math.min(sizeBytes - this.#sizeBytes, bytes.length + 1)));
    const count = await file.read(found, this.#sizeBytes);
    const isOwn = sizeBytes > this.#sizeBytes && count === found.length && found.equals(bytes.subarray(0, found.length));
    if (!isOwn) throw new ForeignChangeError('it holds bytes that this log did not write: another program wrote to it or cut it');
  }

  /** Closes the descriptor once every call made so far is done. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
