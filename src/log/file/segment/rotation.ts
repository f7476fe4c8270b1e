/**
 * The steps that seal a segment and activate the next one. Their order makes a crash between any two of them recoverable:
 *
 * 1. Write `<id>/next` with its header and sync it, then sync its name. A crash leaves a file that the next startup removes.
 * 2. Append the seal to the active segment and sync it. From here on the rotation must be completed.
 * 3. Give the active segment its second name, `<id>/<20 digits>.jsonl`, and sync it.
 * 4. Rename `<id>/next` to `<id>.jsonl`, so that the active name always refers to a file. Sync both folders.
 *
 * An empty segment that is replaced by one of a later format takes steps 1 and 4 only. Nothing can be in it, so nothing is lost.
 *
 * This module carries out steps 1, 3 and 4; the writer carries out step 2. Recovery repeats 1, 3 and 4.
 *
 * Both folders are opened before step 1 and closed after step 4: once the seal is on disk there is no way back, and a process that
 * has run out of descriptors must find that out earlier.
 */
import { closeQuietly, type Disk, type DiskFolder, writeNewFile } from '../../../disk/disk.js';
import { encodeHeaderLine, type SegmentHeader } from '../../segment-format.js';
import { type ListedSegment, type LogPaths, segmentName } from '../log-paths.js';
import type { SegmentExtent } from './active-segment.js';
import { textPieces } from './read-text.js';
import { activeFile, segmentFile, withText } from './segment-files.js';

/** The steps of one rotation. */
export class Rotation {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #home: DiskFolder;
  readonly #folder: DiskFolder;

  private constructor(disk: Disk, paths: LogPaths, home: DiskFolder, folder: DiskFolder) {
    this.#disk = disk;
    this.#paths = paths;
    this.#home = home;
    this.#folder = folder;
  }

  /**
   * Opens both folders, passes the rotation to `work` and closes them again.
   *
   * @returns what `work` returns
   */
  static async run<T>(disk: Disk, paths: LogPaths, work: (rotation: Rotation) => Promise<T>): Promise<T> {
    const home = await disk.openFolder(paths.home);
    try {
      const folder = await disk.openFolder(paths.folder);
      try {
        return await work(new Rotation(disk, paths, home, folder));
      } finally {
        await closeQuietly(folder);
      }
    } finally {
      await closeQuietly(home);
    }
  }

  /** Step 1: writes the next segment. */
  async prepare(header: SegmentHeader): Promise<SegmentExtent> {
    const { firstSeq, format } = header;
    const bytes = Buffer.from(encodeHeaderLine(header));
    await this.#disk.unlink(this.#paths.next);
    const { inode } = await writeNewFile(this.#disk, this.#paths.next, bytes);
    await this.#folder.sync();
    return { firstSeq, sizeBytes: bytes.length, inode, format };
  }

  /** Step 3: gives the sealed segment its permanent name. */
  async nameSealed(firstSeq: number): Promise<void> {
    await this.#disk.link(this.#paths.active, this.#paths.inFolder(segmentName(firstSeq)));
    await this.#folder.sync();
  }

  /** Whether a segment certainly does not have its permanent name. */
  async isUnnamed(firstSeq: number): Promise<boolean> {
    try {
      return (await this.#disk.status(this.#paths.inFolder(segmentName(firstSeq)))) === undefined;
    } catch {
      return false;
    }
  }

  /** Step 4: activates the next segment. */
  async activateNext(): Promise<void> {
    await this.#disk.rename(this.#paths.next, this.#paths.active);
    await this.#folder.sync();
    await this.#home.sync();
  }
}

/**
 * Whether the active segment already has its sealed name, because a rotation stopped between steps 3 and 4.
 *
 * - `link`: both names refer to one file.
 * - `copy`: there are two files with the same text, as in a copy of the data folder; it means the same.
 * - `none`: the newest sealed segment is another one.
 */
export type SecondName = 'none' | 'link' | 'copy';

/**
 * Compares the active segment with the newest sealed one.
 *
 * @param newest the newest sealed segment, if any
 * @returns `none` also if there is no active segment
 */
export async function secondNameOf(disk: Disk, paths: LogPaths, newest: ListedSegment | undefined): Promise<SecondName> {
  if (newest === undefined || newest.isCompressed) return 'none';
  const active = await disk.status(paths.active);
  const sealed = await disk.status(segmentFile(paths, newest).path);
  if (active === undefined || sealed === undefined) return 'none';
  if (active.inode === sealed.inode) return 'link';
  return active.sizeBytes === sealed.sizeBytes && (await haveSameText(disk, paths, newest)) ? 'copy' : 'none';
}

async function haveSameText(disk: Disk, paths: LogPaths, newest: ListedSegment): Promise<boolean> {
  return await withText(disk, activeFile(paths), (active) => withText(disk, segmentFile(paths, newest), async (sealed) => {
    const others = textPieces(sealed);
    for await (const piece of textPieces(active)) {
      const { value } = await others.next();
      if (!(value instanceof Buffer) || !piece.equals(value)) return false;
    }
    return true;
  }));
}
