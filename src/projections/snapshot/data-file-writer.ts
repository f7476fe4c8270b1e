/**
 * Writes one data file of a generation in large writes and computes its digest. Knows nothing of its content.
 */
import { createHash } from 'node:crypto';
import { appendAll, type Disk, type DiskFile } from '../../disk/disk.js';
import type { SnapshotFile } from './snapshot.js';

/** Bytes of a write, unless a single piece is larger. */
const WRITE_BYTES = 1_048_576;
/** A UTF-16 unit encodes to at most this many bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/** A new file, written from beginning to end. */
export class DataFileWriter {
  readonly #file: DiskFile;
  readonly #digest = createHash('sha256');
  /** Full buffers to be written, in order. */
  #waiting: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafe(WRITE_BYTES);
  /** The buffer that was filled last, and one that was written and can be filled again. */
  #filled: Buffer | undefined;
  #spare: Buffer | undefined;
  #usedBytes = 0;
  #sizeBytes = 0;
  #isOpen = true;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Creates the file; it must not exist. */
  static async create(disk: Disk, path: string): Promise<DataFileWriter> {
    return new DataFileWriter(await disk.open(path, 'create'));
  }

  /** Bytes that have been put; some may not have been written yet. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether the caller should call {@link drain}: until then, every further piece takes memory. */
  get isDrainDue(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Adds a piece. Writes nothing, so that most pieces cost no turn of the event loop.
   *
   * @param piece text, or bytes that the caller does not change before the next drain has completed
   */
  put(piece: string | Buffer): void {
    if (typeof piece !== 'string') this.#putBytes(piece);
    else if (this.#usedBytes + piece.length * UTF8_BYTES_PER_UNIT > this.#buffer.length) this.#putBytes(Buffer.from(piece));
    else {
      const count = this.#buffer.write(piece, this.#usedBytes);
      this.#usedBytes += count;
      this.#sizeBytes += count;
    }
  }

  #putBytes(bytes: Buffer): void {
    if (this.#usedBytes + bytes.length > this.#buffer.length) this.#turnOver();
    if (bytes.length > this.#buffer.length) this.#waiting.push(bytes);
    else {
      bytes.copy(this.#buffer, this.#usedBytes);
      this.#usedBytes += bytes.length;
    }
    this.#sizeBytes += bytes.length;
  }

  #turnOver(): void {
    if (this.#usedBytes === 0) return;
    this.#waiting.push(this.#buffer.subarray(0, this.#usedBytes));
    this.#filled = this.#buffer;
    this.#buffer = this.#spare ?? Buffer.allocUnsafe(WRITE_BYTES);
    this.#spare = undefined;
    this.#usedBytes = 0;
  }

  /** Writes the full buffers. */
  async drain(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) {
      this.#digest.update(bytes);
      await appendAll(this.#file, bytes);
    }
    if (this.#waiting.length === 0) this.#spare ??= this.#filled;
    this.#filled = undefined;
  }

  /**
   * Writes the rest and closes the file.
   *
   * @param isDurable whether to sync the content first
   * @returns size and digest of the whole file
   */
  async finish(isDurable: boolean): Promise<SnapshotFile> {
    this.#turnOver();
    await this.drain();
    if (isDurable) await this.#file.datasync();
    await this.close();
    return { sizeBytes: this.#sizeBytes, sha256: this.#digest.digest('hex') };
  }

  /** Closes the file. Calling it again does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}
