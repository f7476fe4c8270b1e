/**
 * Replacing a file beside the configuration as a whole or not at all: its new content is written to a temporary file and synced
 * before it gets the name. A crash leaves the old or the new file, each whole, and perhaps a temporary file.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { ConfigDisk } from './config-disk.js';

const TEMPORARY_RANDOM_BYTES = 8;

/** What is written where. */
export interface TemporaryOptions {
  /** The file that is to be replaced or made, symbolic links followed. */
  readonly target: string;
  readonly text: string;
  readonly disk: ConfigDisk;
}

/**
 * Hands over a temporary file whose content is on disk; when anything fails, the file is gone afterwards.
 *
 * @param use gives the temporary file its name, and then syncs the folder
 * @throws {Error} the system's, or whatever `use` throws
 */
export async function withTemporary(
  { target, text, disk }: TemporaryOptions,
  use: (temporary: string, syncFolder: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = path.join(path.dirname(target), `${temporaryPrefix(target)}${randomBytes(TEMPORARY_RANDOM_BYTES).toString('hex')}.tmp`);
  // The folder is opened first: after the rename it must be synced, and opening it may fail when descriptors run out.
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
      // After a successful rename there is nothing to remove, and a file that stays is removed at the next start.
      await disk.unlink(temporary).catch(() => undefined);
      throw error;
    }
  } finally {
    await folder.close();
  }
}

/** Removes the temporary files that a crash left. They may hold secrets; where they cannot be removed, only their owner can read them. */
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
