/**
 * Making the compressed form of a sealed segment. Nothing but the disk and the bytes; which segment, and what becomes of the
 * plain form, is decided elsewhere.
 */
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';
import { appendAll, type Disk, type DiskFile, ShortWriteError } from '../../../disk/disk.js';
import { beginPackedCrc, encodeFrameHeader, encodeFrameTrailer } from './gzip-frame.js';
import type { SegmentText } from './segment-files.js';

const PIECE_BYTES = 262_144;

/** Reads a text from front to back. */
export async function* textPieces(text: SegmentText, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const { sizeBytes } = await text.status();
  for (let offset = 0; offset < sizeBytes;) {
    signal?.throwIfAborted();
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - offset));
    const count = await text.read(piece, offset);
    if (count === 0) return;
    offset += count;
    yield piece.subarray(0, count);
  }
}

/**
 * Computes the digest of a text.
 *
 * @param text the text; it is read to its end
 * @returns SHA-256 in hexadecimal digits
 */
export async function digestText(text: SegmentText, signal?: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of textPieces(text, signal)) digest.update(piece);
  return digest.digest('hex');
}

/**
 * Writes the compressed form of a text as a new file and makes its content durable.
 *
 * @param segment its text, and the first seq of the segment that follows it
 * @param path the new name; must be free
 * @throws {ShortWriteError} when the disk took less, or the errno of the call that failed; what was written stays
 */
export async function writeGzipCopy(
  disk: Disk, segment: { readonly text: SegmentText; readonly nextSeq: number }, path: string,
): Promise<void> {
  const { nextSeq } = segment;
  const file = await disk.open(path, 'create');
  const packedCrc = await closing(file, async () => {
    // The checksum of what follows is not known yet: it is put in its place at the end.
    await appendAll(file, encodeFrameHeader({ nextSeq, packedCrc: 0 }));
    return await writePacked(file, segment.text, beginPackedCrc(nextSeq));
  });
  const again = await disk.open(path, 'overwrite');
  await closing(again, async () => {
    const header = encodeFrameHeader({ nextSeq, packedCrc });
    const written = await again.overwrite(header, 0);
    if (written !== header.length) throw new ShortWriteError(header.length, written);
    await again.datasync();
  });
}

async function writePacked(file: DiskFile, text: SegmentText, firstCrc: number): Promise<number> {
  let packedCrc = firstCrc;
  let textCrc = 0;
  let textBytes = 0;
  const plain = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of textPieces(text)) {
      textCrc = crc32(piece, textCrc);
      textBytes += piece.length;
      yield piece;
    }
  };
  await pipeline(plain, createDeflateRaw({ chunkSize: PIECE_BYTES }), async (packed: AsyncIterable<Buffer>) => {
    for await (const piece of packed) {
      packedCrc = crc32(piece, packedCrc);
      await appendAll(file, piece);
    }
  });
  await appendAll(file, encodeFrameTrailer({ textCrc, textBytes }));
  await file.datasync();
  return packedCrc;
}

async function closing<T>(file: DiskFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}
