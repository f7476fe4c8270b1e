/**
 * Trying whether the disk has room again. Knows no log: it writes a file of its own beside it.
 */
import { appendAll, type Disk } from './disk.js';
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
  const file = await disk.open(paths.probe, 'create');
  try {
    await appendAll(file, Buffer.alloc(PROBE_BYTES));
    await file.datasync();
  } finally {
    await file.close();
    await disk.unlink(paths.probe);
  }
}
