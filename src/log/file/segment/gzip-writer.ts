/**
 * Writes the compressed form of a sealed segment. The caller decides which segment to compress and when to remove the plain form.
 */
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';
import { appendAll, closing, type Disk, type DiskFile, ShortWriteError } from '../../../disk/disk.js';
import { beginPackedCrc, encodeFrameHeader, encodeFrameTrailer } from './gzip-frame.js';
import type { SegmentText } from './segment-files.js';
import { textPieces } from './read-text.js';

const PIECE_BYTES = 262_144;

/**
 * Writes the compressed form of a text to a new file and makes its content durable.
 *
 * @param segment its text, and the first seq of the next segment
 * @param path the new name; must be free
 * @throws {ShortWriteError} if the disk wrote less, or the errno of the call that failed; the partial file remains
 */
export async function writeGzipCopy(
  disk: Disk, segment: { readonly text: SegmentText; readonly nextSeq: number }, path: string,
): Promise<void> {
  const { nextSeq } = segment;
  const packedCrc = await closing(await disk.open(path, 'create'), async (file) => {
    // The checksum of the compressed bytes is not known yet; it is written into the header at the end.
    await appendAll(file, encodeFrameHeader({ nextSeq, packedCrc: 0 }));
    return await writePacked(file, segment.text, beginPackedCrc(nextSeq));
  });
  await closing(await disk.open(path, 'overwrite'), async (file) => {
    const header = encodeFrameHeader({ nextSeq, packedCrc });
    const written = await file.overwrite(header, 0);
    if (written !== header.length) throw new ShortWriteError(header.length, written);
    await file.datasync();
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
      // The compressor may still have it when the next one is read.
      yield Buffer.from(piece);
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
