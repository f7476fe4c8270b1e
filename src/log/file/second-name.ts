/**
 * Whether the active segment bears its sealed name already: a rotation stopped between its third and its fourth step.
 *
 * A rotation gives one file two names. A copy of the data folder has two files with the same text instead, and means the same.
 */
import type { Disk } from '../../disk/disk.js';
import { textPieces } from './segment/gzip-writer.js';
import type { LogPaths, SealedName } from './log-paths.js';
import { activeFile, sealedFile, withText } from './segment/segment-files.js';

/** `link`: one file under both names. `copy`: two files with the same text. `none`: the newest sealed segment is another one. */
export type SecondName = 'none' | 'link' | 'copy';

/**
 * Compares the active segment with the newest sealed one.
 *
 * @param newest the newest sealed segment, if there is any
 * @returns whether both are the same segment; `none` also where there is no active one
 */
export async function secondNameOf(disk: Disk, paths: LogPaths, newest: SealedName | undefined): Promise<SecondName> {
  if (newest === undefined || newest.isCompressed) return 'none';
  const active = await disk.status(paths.active);
  const sealed = await disk.status(sealedFile(paths, newest).path);
  if (active === undefined || sealed === undefined) return 'none';
  if (active.inode === sealed.inode) return 'link';
  return active.sizeBytes === sealed.sizeBytes && (await haveSameText(disk, paths, newest)) ? 'copy' : 'none';
}

async function haveSameText(disk: Disk, paths: LogPaths, newest: SealedName): Promise<boolean> {
  return await withText(disk, activeFile(paths), (active) => withText(disk, sealedFile(paths, newest), async (sealed) => {
    const others = textPieces(sealed);
    for await (const piece of textPieces(active)) {
      const { value } = await others.next();
      if (!(value instanceof Buffer) || !piece.equals(value)) return false;
    }
    return true;
  }));
}
