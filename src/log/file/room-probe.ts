/**
 * Trying whether the disk has room again. Knows no log: it writes a file of its own beside it.
 */
import { type Disk, writeNewFile } from '../../disk/disk.js';
import type { LogPaths } from './log-paths.js';

/** How much must fit, in bytes. */
const PROBE_BYTES = 65_536;

/**
 * Writes and syncs a file and removes it again. A crash leaves a file that the next start drops.
 *
 * @param disk the disk
 * @param paths the project's paths
 * @throws what the disk threw, when there is no room
 */
export async function probeRoom(disk: Disk, paths: LogPaths): Promise<void> {
  await disk.unlink(paths.probe);
  try {
    await writeNewFile(disk, paths.probe, Buffer.alloc(PROBE_BYTES));
  } finally {
    await disk.unlink(paths.probe);
  }
}
