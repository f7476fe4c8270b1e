/**
 * The file that lines are appended to. Owns its descriptor, its identity and the size it must have. Deals in bytes, not in lines.
 *
 * The size reveals a second writer of the same file. Each writer appends at the end and then checks that the file has grown by exactly
 * what it wrote and that the name still refers to it. Whichever of two writers checks after both have written sees the other's bytes.
 * So of two batches that follow the same line at most one passes the check, and only a batch that passed is acknowledged. Bytes are
 * cut off only after a comparison with what this writer wrote, so that the other's bytes are never cut.
 */
import { isErrno } from '../../../base/app-error.js';
import { invariant } from '../../../base/invariant.js';
import { appendAll, type Disk, type DiskFile } from '../../../disk/disk.js';
import { ForeignChangeError } from '../../../disk/disk-fault.js';
import { HeldFile } from '../../../disk/held-file.js';
import type { IdleFiles } from '../../../disk/idle-files.js';
import type { LogFormat } from '../../log-format.js';

/** Identity and size of the active segment. */
export interface SegmentExtent {
  /** Seq of its first event, written or not. */
  readonly firstSeq: number;
  /** Size in bytes, all of it accepted lines. */
  readonly sizeBytes: number;
  /** Its inode: if the name refers to another one, it is not this segment. */
  readonly inode: number;
  /** The format of its lines. */
  readonly format: LogFormat;
}

/** The active segment; its file is open while it is written to. */
export class ActiveSegment {
  readonly firstSeq: number;
  readonly format: LogFormat;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #inode: number;
  readonly #file: HeldFile;
  /** Accepted bytes. Bytes after them were not acknowledged and are cut off. */
  #sizeBytes: number;
  /** Size of the file, accepted or not; undefined after a failed write until the file has been cut back. */
  #endBytes: number | undefined;
  /** Counts writes, so that a sync can tell whether it covered all of them. */
  #writes = 0;

  /**
   * Takes charge of a segment. The first write opens its file.
   *
   * @param path the active segment's path
   * @param idleFiles closes the descriptor when there are no appends
   */
  constructor(disk: Disk, path: string, idleFiles: IdleFiles, extent: SegmentExtent) {
    invariant(extent.firstSeq >= 1, 'seq counts from 1');
    this.#disk = disk;
    this.#path = path;
    this.#inode = extent.inode;
    this.firstSeq = extent.firstSeq;
    this.format = extent.format;
    this.#sizeBytes = extent.sizeBytes;
    this.#endBytes = extent.sizeBytes;
    this.#file = new HeldFile(() => this.#open(), idleFiles);
  }

  /** Accepted bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Recognizes its file. */
  get inode(): number {
    return this.#inode;
  }

  /** Whether the file must be cut back: it has bytes after the accepted ones, or may have after a failed write. */
  get isCutDue(): boolean {
    return this.#endBytes !== this.#sizeBytes;
  }

  /** Checks the file, since anything may have happened to its name while the descriptor was closed. */
  async #open(): Promise<DiskFile> {
    let file: DiskFile;
    try {
      file = await this.#disk.open(this.#path, 'append');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) throw new ForeignChangeError('there is no file of its name: another program moved or removed it');
      throw error;
    }
    try {
      // A descriptor stays with its file: from here on, the name tells whether it is still this one, and how large it is.
      if ((await file.status()).inode !== this.#inode) throw movedAway();
      await this.#refuseForeignChange();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Checks that the file is still the one that was written.
   *
   * @throws {ForeignChangeError} if it is not
   * @throws {NotOpenedError} if it could not be opened
   */
  async check(): Promise<void> {
    await this.#file.use(() => this.#refuseForeignChange());
  }

  async #refuseForeignChange(): Promise<void> {
    const named = await this.#disk.status(this.#path);
    if (named?.inode !== this.#inode) throw movedAway();
    const dueBytes = this.#endBytes;
    if (dueBytes === undefined || named.sizeBytes === dueBytes) return;
    throw new ForeignChangeError(`its size is ${named.sizeBytes} bytes, not ${dueBytes}: another program wrote to it or truncated it`);
  }

  /**
   * Writes bytes at the end and checks that nothing else was written. The bytes become part of the log with
   * {@link ActiveSegment.accept}.
   *
   * @param bytes whole lines
   * @throws {NotOpenedError} if the file could not be opened: nothing was written
   * @throws {ForeignChangeError} if another program changed the file: the outcome is unknown until the next startup
   * @throws {ShortWriteError} if the disk wrote less, or the errno of the write
   */
  async append(bytes: Buffer): Promise<void> {
    await this.#file.use(async (file) => {
      const endBytes = this.#endBytes;
      invariant(endBytes !== undefined, 'a file is cut back to its accepted bytes before the next write');
      this.#endBytes = undefined;
      this.#writes += 1;
      // From here on there may be bytes whose write-back failure is reported only to a sync on this descriptor.
      this.#file.keep(true);
      try {
        await appendAll(file, bytes);
      } finally {
        // Counts again: a sync that ended during the write covered at most a part of it.
        this.#writes += 1;
        this.#file.keep(true);
      }
      this.#endBytes = endBytes + bytes.length;
      await this.#refuseForeignChange();
    });
  }

  /** Counts appended bytes as part of the log. */
  accept(byteCount: number): void {
    this.#sizeBytes += byteCount;
  }

  /** Makes everything durable that was appended before the call. */
  async datasync(): Promise<void> {
    await this.#file.use((file) => this.#sync(file));
  }

  async #sync(file: DiskFile): Promise<void> {
    const writes = this.#writes;
    await file.datasync();
    if (this.#writes === writes) this.#file.keep(false);
  }

  /**
   * Cuts off the bytes that were written and not accepted, and makes that durable.
   *
   * @param bytes what was written
   * @throws {ForeignChangeError} if the file holds anything else after the accepted bytes; it is left as it is
   * @throws the errno of a call that failed: the outcome is unknown until the next startup
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
      await this.#refuseForeignChange();
      await this.#sync(file);
    });
  }

  /** The bytes after the accepted ones must be a prefix of what was written. */
  async #refuseForeignBytes(file: DiskFile, bytes: Buffer, sizeBytes: number): Promise<void> {
    const found = Buffer.alloc(Math.max(0, Math.min(sizeBytes - this.#sizeBytes, bytes.length + 1)));
    const count = await file.read(found, this.#sizeBytes);
    const isOwn = sizeBytes > this.#sizeBytes && count === found.length && found.equals(bytes.subarray(0, found.length));
    if (!isOwn) throw new ForeignChangeError('it holds bytes that this log did not write: another program wrote to it or truncated it');
  }

  /** Closes the descriptor after every call made so far. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

function movedAway(): ForeignChangeError {
  return new ForeignChangeError('its name refers to another file or none: another program moved, replaced or removed it');
}
