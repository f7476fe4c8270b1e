/**
 * The steps that seal a segment and put the next one in its place, in the order that makes a crash between any two of them
 * recoverable:
 *
 * 1. `<id>/next` is written with its header and synced, and so is its name. A crash leaves a file that the next start drops.
 * 2. The seal is appended to the active segment and synced. From here on the rotation must be finished.
 * 3. The active segment gets its second name, `<id>/<20 digits>.jsonl`, which is synced.
 * 4. `<id>/next` is renamed to `<id>.jsonl`: the active name never points to nothing. Both folders are synced.
 *
 * Steps 1, 3 and 4 are here; step 2 is the writer's. Recovery repeats 1, 3 and 4.
 */
import { encodeHeaderLine, type SegmentHeader } from '../line-format.js';
import { changeFolder, type Disk, writeNewFile } from '../../disk/disk.js';
import { type LogPaths, segmentName } from './log-paths.js';

/**
 * Step 1: makes the segment that shall follow.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param header what its first line says
 * @returns its size in bytes
 */
export async function prepareNextSegment(disk: Disk, paths: LogPaths, header: SegmentHeader): Promise<number> {
  const bytes = Buffer.from(encodeHeaderLine(header));
  await changeFolder(disk, paths.folder, async () => {
    await disk.unlink(paths.next);
    await writeNewFile(disk, paths.next, bytes);
  });
  return bytes.length;
}

/**
 * Step 3: gives the sealed segment the name that it keeps.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @param firstSeq seq of its first event
 */
export async function nameSealedSegment(disk: Disk, paths: LogPaths, firstSeq: number): Promise<void> {
  await changeFolder(disk, paths.folder, () => disk.link(paths.active, paths.inFolder(segmentName(firstSeq))));
}

/**
 * Step 4: makes the next segment the active one.
 *
 * @param disk the disk
 * @param paths the project's paths
 */
export async function activateNextSegment(disk: Disk, paths: LogPaths): Promise<void> {
  await changeFolder(disk, paths.home, () => changeFolder(disk, paths.folder, () => disk.rename(paths.next, paths.active)));
}
