/**
 * A disk on which files of one folder can also be read as if they lay in another, so that a snapshot can be built on a
 * generation in a folder that nothing may be written to.
 */
import { basename, dirname, join } from 'node:path';
import type { Disk } from '../disk/disk.js';

/** What is seen where. */
export interface Overlay {
  /** Where names are looked for that are not there, absolute. */
  readonly over: string;
  /** Where they are found, absolute. Nothing is changed there. */
  readonly under: string;
}

/**
 * Lays one folder under another, for reading.
 *
 * @returns a disk on which opening a file for reading also finds those of the folder underneath
 */
export function overlayDisk(disk: Disk, { over, under }: Overlay): Disk {
  const find = async (path: string): Promise<string> => {
    if (dirname(path) !== over || (await disk.status(path)) !== undefined) return path;
    return join(under, basename(path));
  };
  return {
    open: async (path, mode) => await disk.open(mode === 'read' ? await find(path) : path, mode),
    status: (path) => disk.status(path),
    openFolder: (path) => disk.openFolder(path),
    makeFolder: (path) => disk.makeFolder(path),
    list: (path) => disk.list(path),
    link: (path, newPath) => disk.link(path, newPath),
    clone: (path, newPath) => disk.clone(path, newPath),
    setModified: (path, modifiedMs) => disk.setModified(path, modifiedMs),
    rename: (path, newPath) => disk.rename(path, newPath),
    unlink: (path) => disk.unlink(path),
    removeFolder: (path) => disk.removeFolder(path),
    room: (path) => disk.room(path),
  };
}
