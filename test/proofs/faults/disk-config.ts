/** The configuration's disk on the disk of the logs, so that one count of calls, one kill and one loss of power strike both. */
import path from 'node:path';
import type { ConfigDisk } from '../../../src/config/config-disk.js';
import { appendAll } from '../../../src/disk/disk.js';
import { errnoError } from '../../disk/disk-tree.js';
import type { FaultDisk } from '../../disk/fault-disk.js';

/**
 * Makes the configuration's disk out of the disk of the logs.
 *
 * @param disk the disk
 * @returns the same disk as the configuration sees it
 */
export function configDiskOn(disk: FaultDisk): ConfigDisk {
  return {
    open: async (place) => {
      const file = await disk.open(place, 'create');
      return { write: (text) => appendAll(file, Buffer.from(text)), sync: () => file.datasync(), close: () => file.close() };
    },
    read: async (place) => ((await disk.status(place)) === undefined ? undefined : disk.bytesOf(place).toString('utf8')),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    unlink: async (place) => {
      const names = await disk.list(path.posix.dirname(place));
      if (!names.includes(path.posix.basename(place))) throw errnoError('ENOENT', place);
      await disk.unlink(place);
    },
    list: (place) => disk.list(place),
    openFolder: (place) => disk.openFolder(place),
  };
}
