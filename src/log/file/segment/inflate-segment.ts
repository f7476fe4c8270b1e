/**
 * Random access to the text of a compressed segment. It can only be inflated from the beginning, so its text is written to a file
 * once. The file's name is removed immediately: the space is freed when the descriptor is closed, and a file left by a crash in
 * between is removed with the other temporary files of its folder.
 */
import { dirname } from 'node:path';
import { requireSpace } from '../../../disk/copy-file.js';
import { appendAll, closing, type Disk, type ReadableFile } from '../../../disk/disk.js';
import { type SegmentFile, withText } from './segment-files.js';
import { textPieces } from './read-text.js';

/** Where a text is inflated to. */
interface InflateTarget {
  /** Path of the file, absolute; an existing file is removed. */
  readonly path: string;
  /** True: fails rather than use the disk space reserved for deletes. */
  readonly leavesReserve: boolean;
}

/**
 * Inflates the text of a compressed segment into a file, which verifies all its checksums, and opens that file.
 *
 * @returns the text; the caller closes it
 * @throws {LogCorruptError} if the segment is damaged anywhere
 * @throws {AppError} `disk_full` if it would need the reserved space
 */
export async function openInflated(disk: Disk, segment: SegmentFile, { path, leavesReserve }: InflateTarget): Promise<ReadableFile> {
  return await withText(disk, segment, async (text) => {
    if (leavesReserve) await requireSpace(disk, dirname(path), (await text.status()).sizeBytes);
    await disk.unlink(path);
    try {
      await closing(await disk.open(path, 'create'), async (copy) => {
        for await (const piece of textPieces(text)) await appendAll(copy, piece);
      });
      return await disk.open(path, 'read');
    } finally {
      await disk.unlink(path);
    }
  });
}
