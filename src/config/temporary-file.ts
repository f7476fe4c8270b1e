/**
 * Replaces a file beside the configuration atomically: the new content is written to a temporary file and synced before it gets the
 * name. A crash leaves the old or the new file, complete, and perhaps the temporary file.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { ConfigDisk } from './config-disk.js';

const TEMPORARY_RANDOM_BYTES = 8;

/**
 * Writes and syncs a temporary file, and removes it if anything fails.
 *
 * @param target the file that is to be replaced or created, symbolic links followed
 * @param use gives the temporary file its name, then syncs the folder
 * @throws {Error} the system's, or whatever `use` throws
 */
export async function withTemporary(
  target: string,
  text: string,
  disk: ConfigDisk,
  use: (temporary: string, syncFolder: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = path.join(path.dirname(target), `${temporaryPrefix(target)}${randomBytes(TEMPORARY_RANDOM_BYTES).toString('hex')}.tmp`);
  // Opened before the rename, after which the folder must be synced: opening it then could fail for lack of descriptors.
  const folder = await disk.openFolder(path.dirname(target));
  try {
    const file = await disk.open(temporary);
    try {
      try {
        await file.write(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await use(temporary, () => folder.sync());
    } catch (error) {
      // After a rename there is nothing to remove. A file that cannot be removed now is removed by the next startup.
      await disk.unlink(temporary).catch(() => undefined);
      throw error;
    }
  } finally {
    await folder.close();
  }
}

/** Removes the temporary files of a crash. They may hold API keys; those that cannot be removed are readable by their owner alone. */
export async function removeLeftovers(target: string, disk: ConfigDisk): Promise<void> {
  const folder = path.dirname(target);
  const prefix = temporaryPrefix(target);
  const names = await disk.list(folder).catch(() => []);
  const leftovers = names.filter((name) => name.startsWith(prefix) && /^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length)));
  for (const name of leftovers) await disk.unlink(path.join(folder, name)).catch(() => undefined);
}

function temporaryPrefix(target: string): string {
  return `.${path.basename(target)}.`;
}
