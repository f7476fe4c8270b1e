/**
 * Reading one data file from its beginning to its end and checking its size and digest. Knows nothing of what it says.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isErrno } from '../../base/app-error.js';
import { countText } from '../../base/count-text.js';
import { invariant } from '../../base/invariant.js';
import type { Disk, DiskFile } from '../../disk/disk.js';
import { faultOf } from '../../disk/disk-fault.js';
import type { SnapshotFile } from './snapshot.js';
import { SnapshotCorruptError } from './snapshot-errors.js';

/** Who wants to know how far a long reading is, and to hold it back or end it. */
export interface ReadingHooks {
  /** Called after each piece with its size in bytes; the reading goes on when it resolves. */
  readonly onRead?: ((sizeBytes: number) => Promise<void> | void) | undefined;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A file of which size and digest are known. */
export interface KnownFile {
  /** The folder that holds it. */
  readonly folder: string;
  readonly name: string;
  /** What errors call it. @default its name */
  readonly shownName?: string;
  readonly content: SnapshotFile;
}

/** An open file that is read once. */
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
   * @param known the file, and what it must amount to
   * @param hooks who follows the reading
   * @throws {SnapshotCorruptError} when it is not there or has another size
   */
  static async open(disk: Disk, known: KnownFile, hooks: ReadingHooks): Promise<DataFileReader> {
    const { shownName = known.name, content } = known;
    const file = await openOrRefuse(disk, known);
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

  /** Bytes that have not been read. */
  get restBytes(): number {
    return this.#known.content.sizeBytes - this.#offset;
  }

  /**
   * Reads on.
   *
   * @param sizeBytes how many bytes, at most {@link restBytes}
   * @throws {SnapshotCorruptError} when the file has become shorter
   */
  async read(sizeBytes: number): Promise<Buffer> {
    invariant(sizeBytes <= this.restBytes, 'nothing is read beyond the end');
    this.#hooks.signal?.throwIfAborted();
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#readOrRefuse(bytes);
    if (count !== sizeBytes) throw this.corrupt(this.#offset + count, `${countText(sizeBytes, 'byte')} to read`, countText(count, 'byte'));
    this.#digest.update(bytes);
    this.#offset += sizeBytes;
    await this.#hooks.onRead?.(sizeBytes);
    return bytes;
  }

  /** A piece that the disk cannot give back is damage like any other: there is another generation, or the log. */
  async #readOrRefuse(into: Buffer): Promise<number> {
    try {
      return await this.#file.read(into, this.#offset);
    } catch (error) {
      if (isErrno(error) && faultOf(error) === 'disk') {
        throw this.corrupt(this.#offset, `${countText(into.length, 'byte')} to read`, error.code ?? 'none');
      }
      throw error;
    }
  }

  /**
   * Checks the digest, after everything has been read.
   *
   * @throws {SnapshotCorruptError} when it is not the one that is known
   */
  checkDigest(): void {
    invariant(this.restBytes === 0, 'a digest is checked at the end of the file');
    const found = this.#digest.digest('hex');
    if (found !== this.#known.content.sha256) throw this.corrupt(0, `SHA-256 ${this.#known.content.sha256}`, `SHA-256 ${found}`);
  }

  /**
   * Makes the error for something in this file.
   *
   * @param offset where, in bytes
   */
  corrupt(offset: number, expected: string, found: string): SnapshotCorruptError {
    return new SnapshotCorruptError({ file: this.#known.shownName ?? this.#known.name, offset }, expected, found);
  }

  /** Releases the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Bytes that are read and digested at once where nothing else is done with them: the event loop is held up for less than a millisecond. */
const PIECE_BYTES = 262_144;

/**
 * Reads a file to its end and checks its size and digest.
 *
 * @param known the file, and what it must amount to
 * @param hooks who follows the reading
 * @throws {SnapshotCorruptError} when it is not what it must be
 */
export async function checkWhole(disk: Disk, known: KnownFile, hooks: ReadingHooks): Promise<void> {
  const reader = await DataFileReader.open(disk, known, hooks);
  try {
    while (reader.restBytes > 0) await reader.read(Math.min(PIECE_BYTES, reader.restBytes));
    reader.checkDigest();
  } finally {
    await reader.close();
  }
}

/** Lines as they lie in a file. */
export interface LinesRead {
  /** Whole lines, each with its line feed. */
  readonly bytes: Buffer;
  /** Where they begin, in bytes from the start of the file. */
  readonly offset: number;
}

/** Bytes that are read at once: about a thousand short lines. */
const LINES_BYTES = 65_536;
const LINE_FEED = 0x0a;

/**
 * Reads the rest of a file as lines and checks its digest at the end.
 *
 * @returns groups of whole lines; a longer line is a group of its own
 * @throws {SnapshotCorruptError} when the last line has no end, or the digest is wrong
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

async function openOrRefuse(disk: Disk, { folder, name, shownName = name }: KnownFile): Promise<DiskFile> {
  try {
    return await disk.open(join(folder, name), 'read');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw new SnapshotCorruptError({ file: shownName, offset: 0 }, 'a file', 'none of that name');
    if (isErrno(error) && faultOf(error) === 'disk') {
      throw new SnapshotCorruptError({ file: shownName, offset: 0 }, 'a file that can be read', error.code ?? 'none');
    }
    throw error;
  }
}
