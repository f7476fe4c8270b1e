/**
 * Reads one data file from beginning to end and checks its size and digest. Knows nothing of its content.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { countText } from '../../base/count-text.js';
import { invariant } from '../../base/invariant.js';
import type { Disk, DiskFile } from '../../disk/disk.js';
import type { SnapshotFile } from './snapshot.js';
import { asSnapshotDamage, SnapshotCorruptError } from './snapshot-errors.js';

/** Hooks into a long read. */
export interface ReadingHooks {
  /** Called after each piece with its size in bytes; the read continues when it resolves. */
  readonly onRead?: ((sizeBytes: number) => Promise<void> | void) | undefined;
  /** Stops the read; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A file of known size and digest. */
interface KnownFile {
  readonly folder: string;
  readonly name: string;
  /** Its name in errors. @default `name` */
  readonly shownName?: string;
  readonly content: SnapshotFile;
}

/** An open file, read once. */
export class DataFileReader {
  readonly #file: DiskFile;
  readonly #known: KnownFile;
  readonly #hooks: ReadingHooks;
  readonly #digest = createHash('sha256');
  #offset = 0;

  private constructor(file: DiskFile, known: KnownFile, hooks: ReadingHooks) {
    this.#file = file;
    this.#known = known;
    this.#hooks = hooks;
  }

  /**
   * Opens a file.
   *
   * @throws {SnapshotCorruptError} when it is missing or has another size
   */
  static async open(disk: Disk, known: KnownFile, hooks: ReadingHooks): Promise<DataFileReader> {
    const { folder, name, shownName = name, content } = known;
    let file: DiskFile;
    try {
      file = await disk.open(join(folder, name), 'read');
    } catch (error) {
      throw asSnapshotDamage(error, { file: shownName, offset: 0 }, 'a file that can be read');
    }
    try {
      const { sizeBytes } = await file.status();
      if (sizeBytes === content.sizeBytes) return new DataFileReader(file, known, hooks);
      const offset = Math.min(sizeBytes, content.sizeBytes);
      throw new SnapshotCorruptError({ file: shownName, offset }, `${content.sizeBytes} bytes`, `${sizeBytes} bytes`);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes that have not been read yet. */
  get restBytes(): number {
    return this.#known.content.sizeBytes - this.#offset;
  }

  /**
   * Reads the next piece.
   *
   * @param sizeBytes at most {@link restBytes}
   * @throws {SnapshotCorruptError} when the file has become shorter
   */
  async read(sizeBytes: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    await this.readInto(bytes);
    return bytes;
  }

  /** Reads the next piece, of this size, as {@link read}. */
  async readInto(bytes: Buffer): Promise<void> {
    const sizeBytes = bytes.length;
    invariant(sizeBytes <= this.restBytes, 'nothing is read beyond the end');
    this.#hooks.signal?.throwIfAborted();
    const count = await this.#readOrRefuse(bytes);
    if (count !== sizeBytes) throw this.corrupt(this.#offset + count, `${countText(sizeBytes, 'byte')} to read`, countText(count, 'byte'));
    this.#digest.update(bytes);
    this.#offset += sizeBytes;
    await this.#hooks.onRead?.(sizeBytes);
  }

  async #readOrRefuse(into: Buffer): Promise<number> {
    try {
      return await this.#file.read(into, this.#offset);
    } catch (error) {
      throw asSnapshotDamage(error, { file: this.name, offset: this.#offset }, `${countText(into.length, 'byte')} to read`);
    }
  }

  /**
   * Checks the digest after everything has been read.
   *
   * @throws {SnapshotCorruptError} when it is wrong
   */
  checkDigest(): void {
    invariant(this.restBytes === 0, 'a digest is checked at the end of the file');
    const found = this.#digest.digest('hex');
    if (found !== this.#known.content.sha256) throw this.corrupt(0, `SHA-256 ${this.#known.content.sha256}`, `SHA-256 ${found}`);
  }

  /** Returns the error for damage at an offset in bytes. */
  corrupt(offset: number, expected: string, found: string): SnapshotCorruptError {
    return new SnapshotCorruptError({ file: this.name, offset }, expected, found);
  }

  /** The file's name, for errors. */
  get name(): string {
    return this.#known.shownName ?? this.#known.name;
  }

  /** Releases the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Bytes that are read and digested at once: digesting them blocks the event loop for less than a millisecond. */
const PIECE_BYTES = 262_144;

/**
 * Reads a whole file and checks its size and digest.
 *
 * @throws {SnapshotCorruptError} when either is wrong
 */
export async function checkWhole(disk: Disk, known: KnownFile, hooks: ReadingHooks): Promise<void> {
  const reader = await DataFileReader.open(disk, known, hooks);
  try {
    const memory = Buffer.allocUnsafe(Math.min(PIECE_BYTES, reader.restBytes));
    while (reader.restBytes > 0) await reader.readInto(memory.subarray(0, reader.restBytes));
    reader.checkDigest();
  } finally {
    await reader.close();
  }
}

/** Lines of a file. */
interface LinesRead {
  /** Complete lines, each with its line feed. */
  readonly bytes: Buffer;
  /** In bytes from the start of the file. */
  readonly offset: number;
}

/** Bytes that are read at once: about a thousand short lines. */
const LINES_BYTES = 65_536;
const LINE_FEED = 0x0a;

/**
 * Reads the rest of a file as lines and checks its digest at the end.
 *
 * @returns groups of complete lines; a longer line is a group of its own
 * @throws {SnapshotCorruptError} when the last line has no line feed, or the digest is wrong
 */
export async function* readLines(reader: DataFileReader): AsyncGenerator<LinesRead> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  while (reader.restBytes > 0) {
    const piece = await reader.read(Math.min(LINES_BYTES, reader.restBytes));
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    rest = bytes.subarray(end);
    if (end === 0) continue;
    yield { bytes: bytes.subarray(0, end), offset };
    offset += end;
  }
  if (rest.length > 0) throw reader.corrupt(offset, 'a line with its line feed', 'none');
  reader.checkDigest();
}
