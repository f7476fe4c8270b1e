/**
 * Reading a compressed segment at any place. It can only be inflated from its beginning, so its text is written out once, to a file
 * whose name is taken away at once: nothing is left of it when its descriptor is closed, and a crash between the two leaves a file that
 * is dropped with the rest of the work that it served.
 */
import { dirname } from 'node:path';
import { requireRoom } from '../../../disk/copy-file.js';
import { appendAll, type Disk, type DiskFile } from '../../../disk/disk.js';
import { isIllegible } from '../../log-errors.js';
import { type SegmentFile, type SegmentText, withText } from './segment-files.js';

const PIECE_BYTES = 1_048_576;

/** Where a text is written out. */
export interface InflatingPlace {
  /** Path of the file, absolute; what is there is removed. */
  readonly path: string;
  /** True: it leaves the room alone that is kept for deletes, and fails where there is no more than that. */
  readonly isRoomKept: boolean;
}

/**
 * Writes the text of a compressed segment out and opens it. All checksums of the segment have been checked then.
 *
 * @returns the text, for reading; the caller closes it
 * @throws {LogCorruptError} when the segment is damaged anywhere
 * @throws {AppError} `disk_full` when the room that is kept would be needed
 */
export async function openInflated(disk: Disk, segment: SegmentFile, { path, isRoomKept }: InflatingPlace): Promise<DiskFile> {
  return await withText(disk, segment, async (text) => {
    if (isRoomKept) await requireRoom(disk, dirname(path), (await text.status()).sizeBytes);
    return await openWrittenOut(disk, path, piecesOf(text));
  });
}

/**
 * Writes out what can be read of a compressed segment that may be damaged, and opens it. Nothing is known to be right of it.
 *
 * @param path where the text is written out; what is there is removed
 * @returns the text up to the first piece that is damaged, pieces as long as those of `readRecords`; the caller closes it
 */
export async function openLegible(disk: Disk, segment: SegmentFile, path: string): Promise<DiskFile> {
  return await withText(disk, segment, async (text) => await openWrittenOut(disk, path, untilDamage(piecesOf(text))));
}

async function openWrittenOut(disk: Disk, path: string, pieces: AsyncIterable<Buffer>): Promise<DiskFile> {
  await disk.unlink(path);
  try {
    const copy = await disk.open(path, 'create');
    try {
      for await (const piece of pieces) await appendAll(copy, piece);
    } finally {
      await copy.close();
    }
    return await disk.open(path, 'read');
  } finally {
    await disk.unlink(path);
  }
}

async function* piecesOf(text: SegmentText): AsyncGenerator<Buffer> {
  const { sizeBytes } = await text.status();
  for (let offset = 0; offset < sizeBytes; offset += PIECE_BYTES) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - offset));
    yield piece.subarray(0, await text.read(piece, offset));
  }
}

/** A failure to write out is none of the source's: it never passes through here. */
async function* untilDamage(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    if (!isIllegible(error)) throw error;
  }
}
