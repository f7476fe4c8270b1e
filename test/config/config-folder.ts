/** A temporary folder for one test. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/**
 * Runs a test in a new folder.
 *
 * @param body What is done there; symbolic links in the path are followed already
 */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), 'simplekv-config-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
