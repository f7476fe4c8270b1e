/**
 * Reads the text of a compressed segment as if it were the plain file. Meant for reading front to back: a read before the last piece
 * starts inflating from the beginning again.
 */
import { pipeline } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { isErrno } from '../../../base/app-error.js';
import type { Disk, DiskFile } from '../../../disk/disk.js';
import { LogCorruptError } from '../../log-errors.js';
import { beginPackedCrc, decodeFrame, FRAME_HEADER_BYTES, FRAME_TRAILER_BYTES, type GzipFrame } from './gzip-frame.js';

const PIECE_BYTES = 65_536;
const INFLATED_PIECE_BYTES = 262_144;

/** One pass over the compressed bytes. */
interface Inflating {
  readonly pieces: AsyncGenerator<Buffer>;
  /** How much of the text has been inflated, in bytes. */
  endOffset: number;
  /** The inflated pieces that may still be read, with their offsets in the text. */
  kept: { readonly offset: number; readonly bytes: Buffer }[];
  textCrc: number;
}

/** The compressed bytes between header and trailer. */
interface Packed {
  readonly file: DiskFile;
  readonly sizeBytes: number;
  readonly frame: GzipFrame;
}

/** An open compressed segment. Supports one read at a time. */
export class GzipReader {
  readonly #packed: Packed;
  readonly #shownName: string;
  #inflating: Inflating | undefined;

  private constructor(packed: Packed, shownName: string) {
    this.#packed = packed;
    this.#shownName = shownName;
  }

  /**
   * Opens a compressed segment.
   *
   * @throws {LogCorruptError} if it does not have the frame of one
   */
  static async open(disk: Disk, path: string, shownName: string): Promise<GzipReader> {
    const file = await disk.open(path, 'read');
    try {
      const { sizeBytes: fileBytes } = await file.status();
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      const trailer = Buffer.alloc(FRAME_TRAILER_BYTES);
      const sizeBytes = fileBytes - header.length - trailer.length;
      const isLongEnough = sizeBytes > 0;
      if (isLongEnough) await file.read(header, 0);
      if (isLongEnough) await file.read(trailer, header.length + sizeBytes);
      const frame = isLongEnough ? decodeFrame(header, trailer) : undefined;
      if (frame === undefined) {
        throw new LogCorruptError({ file: shownName, offset: 0 }, 'a compressed segment', `${fileBytes} bytes without its frame`);
      }
      return new GzipReader({ file, sizeBytes, frame }, shownName);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The first seq of the next segment, from the frame. Its checksum is verified when the end of the text is read. */
  get nextSeq(): number {
    return this.#packed.frame.nextSeq;
  }

  /**
   * Returns the size of the text; see {@link DiskFile.status}.
   *
   * @returns length of the text in bytes, and the inode of the compressed file
   */
  async status(): Promise<{ readonly sizeBytes: number; readonly inode: number }> {
    const { inode } = await this.#packed.file.status();
    return { sizeBytes: this.#packed.frame.textBytes, inode };
  }

  /**
   * Reads text; see {@link DiskFile.read}. A read that includes the last byte verifies all checksums.
   *
   * @param offset in bytes of text
   * @returns how many bytes were read
   * @throws {LogCorruptError} if the compressed bytes are not those that were written
   */
  async read(into: Buffer, offset: number): Promise<number> {
    try {
      return await this.#read(into, offset);
    } catch (error) {
      // What was inflated so far would pass for sound in the next read, since its end has been met.
      await this.#stop();
      throw error;
    }
  }

  async #read(into: Buffer, offset: number): Promise<number> {
    if (this.#inflating !== undefined && offset < (this.#inflating.kept[0]?.offset ?? this.#inflating.endOffset)) await this.#stop();
    this.#inflating ??= { pieces: inflate(this.#packed, this.#shownName), endOffset: 0, kept: [], textCrc: 0 };
    const run = this.#inflating;
    const end = Math.min(offset + into.length, this.#packed.frame.textBytes);
    await this.#pullTo(run, end);
    run.kept = run.kept.filter((piece) => piece.offset + piece.bytes.length > offset);
    let count = 0;
    for (const piece of run.kept) {
      if (offset + count >= piece.offset && offset + count < end) count += piece.bytes.copy(into, count, offset + count - piece.offset);
    }
    if (end === this.#packed.frame.textBytes) await this.#checkEnd(run);
    return count;
  }

  /** Inflates until the text reaches an offset, or its end. */
  async #pullTo(run: Inflating, offset: number): Promise<void> {
    while (run.endOffset < offset) {
      const { done, value } = await run.pieces.next();
      if (done === true) return;
      run.kept.push({ offset: run.endOffset, bytes: value });
      run.endOffset += value.length;
      run.textCrc = crc32(value, run.textCrc);
    }
  }

  /** Pulls past the last byte of text, because {@link inflate} verifies the compressed bytes only at their end. */
  async #checkEnd(run: Inflating): Promise<void> {
    const { textBytes, textCrc } = this.#packed.frame;
    await this.#pullTo(run, textBytes + 1);
    if (run.endOffset === textBytes && run.textCrc === textCrc) return;
    const expected = `${textBytes} bytes of text with the CRC-32 in its trailer`;
    throw new LogCorruptError({ file: this.#shownName, offset: 0 }, expected, 'other text');
  }

  async #stop(): Promise<void> {
    await this.#inflating?.pieces.return(undefined);
    this.#inflating = undefined;
  }

  /** Releases the descriptor. */
  async close(): Promise<void> {
    await this.#stop();
    await this.#packed.file.close();
  }
}

/** Inflates the bytes between header and trailer, and verifies at the end that all of them were used and are what was written. */
async function* inflate(packed: Packed, shownName: string): AsyncGenerator<Buffer> {
  const inflating = createInflateRaw({ chunkSize: INFLATED_PIECE_BYTES });
  const tally = { crc: beginPackedCrc(packed.frame.nextSeq) };
  // The iteration below throws if reading the source fails.
  pipeline(readPacked(packed, tally), inflating, () => undefined);
  try {
    for await (const piece of inflating) yield piece as Buffer;
  } catch (error) {
    if (!isErrno(error, 'Z_DATA_ERROR', 'Z_BUF_ERROR')) throw error;
    throw new LogCorruptError({ file: shownName, offset: 0 }, 'a valid deflate stream', (error as Error).message);
  }
  if (inflating.bytesWritten === packed.sizeBytes && tally.crc === packed.frame.packedCrc) return;
  throw new LogCorruptError({ file: shownName, offset: 0 }, 'compressed bytes with the CRC-32 in its header', 'other bytes');
}

async function* readPacked(packed: Packed, tally: { crc: number }): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < packed.sizeBytes;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, packed.sizeBytes - offset));
    const count = await packed.file.read(piece, FRAME_HEADER_BYTES + offset);
    if (count === 0) return;
    tally.crc = crc32(piece.subarray(0, count), tally.crc);
    offset += count;
    yield piece.subarray(0, count);
  }
}
