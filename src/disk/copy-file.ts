/**
 * Copying a file so that the copy shares nothing with it: what is done to the one never reaches the other.
 */
import { dirname } from 'node:path';
import { AppError } from '../base/app-error.js';
import { appendAll, closing, type Disk, type DiskFile } from './disk.js';
import { lowWaterMark } from './space-watch.js';

const PIECE_BYTES = 1_048_576;

/**
 * Copies a file and makes the content of the copy durable; its name is durable when the folder has been synced. Where the file system
 * shares blocks, the copy takes no room until one of the two changes.
 *
 * A copy that takes room leaves the low-water mark of the disk alone, since a copy can be made again and a delete must go on.
 *
 * @param way from where to where; the new name must be free
 * @throws {AppError} `disk_full` when it would take more room than there is; the errno of the call that failed. The caller removes
 *   what was written
 */
export async function copyFile(disk: Disk, way: { readonly from: string; readonly to: string }, signal?: AbortSignal): Promise<void> {
  const { from, to } = way;
  if (!(await disk.clone(from, to))) {
    await closing(await disk.open(from, 'read'), async (source) => {
      const { sizeBytes } = await source.status();
      await requireSpace(disk, dirname(to), sizeBytes);
      await closing(await disk.open(to, 'create'), (copy) => copyBytes({ source, copy, sizeBytes }, signal));
    });
  }
  await closing(await disk.open(to, 'append'), (copy) => copy.datasync());
}

/**
 * Refuses to write what can be made again where that would take the room that is kept for deletes, heads and the configuration.
 *
 * @throws {AppError} `disk_full` when there is no more room than that
 */
export async function requireSpace(disk: Disk, folder: string, sizeBytes: number): Promise<void> {
  const { freeBytes, totalBytes } = await disk.room(folder);
  // Some file systems answer with a size of 0: they cannot say.
  if (totalBytes === 0 || freeBytes - sizeBytes >= lowWaterMark(totalBytes)) return;
  throw new AppError('disk_full', `Cannot write a copy of ${sizeBytes} bytes: the disk has ${freeBytes} bytes left`);
}

async function copyBytes(
  { source, copy, sizeBytes }: { readonly source: DiskFile; readonly copy: DiskFile; readonly sizeBytes: number }, signal?: AbortSignal,
): Promise<void> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes));
  for (let offset = 0; offset < sizeBytes;) {
    signal?.throwIfAborted();
    const count = await source.read(piece, offset);
    if (count === 0) return;
    await appendAll(copy, piece.subarray(0, count));
    offset += count;
  }
}
