/**
 * Copies a file such that later changes to one file never reach the other.
 */
import { dirname } from 'node:path';
import { AppError } from '../base/app-error.js';
import { appendAll, closing, type Disk, type DiskFile } from './disk.js';
import { lowWaterMark } from './space-watch.js';

const PIECE_BYTES = 1_048_576;

/**
 * Copies a file and makes the content of the copy durable. Its name is durable once the folder has been synced. If the file system can
 * share blocks, the copy takes no space until one of the two changes; otherwise it leaves the reserve alone.
 *
 * @param to the new name; must be free
 * @throws {AppError} `disk_full` if there is not enough space, or the errno of the call that failed. The caller removes the partial copy
 */
export async function copyFile(disk: Disk, from: string, to: string, signal?: AbortSignal): Promise<void> {
  if (!(await disk.clone(from, to))) {
    await closing(await disk.open(from, 'read'), async (source) => {
      const { sizeBytes } = await source.status();
      await requireSpace(disk, dirname(to), sizeBytes);
      await closing(await disk.open(to, 'create'), (copy) => copyBytes(source, copy, sizeBytes, signal));
    });
  }
  await closing(await disk.open(to, 'append'), (copy) => copy.datasync());
}

/**
 * Checks that a file which can be recreated at any time leaves the reserve for deletes, heads and the configuration alone.
 *
 * @throws {AppError} `disk_full` if it does not
 */
export async function requireSpace(disk: Disk, folder: string, sizeBytes: number): Promise<void> {
  const { freeBytes, totalBytes } = await disk.space(folder);
  // Some file systems report a size of 0, which means that they do not know.
  if (totalBytes === 0 || freeBytes - sizeBytes >= lowWaterMark(totalBytes)) return;
  throw new AppError('disk_full', `Cannot write a copy of ${sizeBytes} bytes: the disk has ${freeBytes} bytes left`);
}

async function copyBytes(source: DiskFile, copy: DiskFile, sizeBytes: number, signal?: AbortSignal): Promise<void> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes));
  for (let offset = 0; offset < sizeBytes;) {
    signal?.throwIfAborted();
    const count = await source.read(piece, offset);
    if (count === 0) return;
    await appendAll(copy, piece.subarray(0, count));
    offset += count;
  }
}
