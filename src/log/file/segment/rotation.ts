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
 *
 * Both folders are opened before the first step and closed after the last: once the seal is on disk there is no way back, and a
 * process that is out of descriptors must not find that out then.
 */
import { encodeHeaderLine, type SegmentHeader } from '../../line-format.js';
import { closeQuietly } from '../../../disk/close-quietly.js';
import { type Disk, type DiskFolder, writeNewFile } from '../../../disk/disk.js';
import type { SegmentExtent } from './active-segment.js';
import { type LogPaths, segmentName } from '../log-paths.js';

/** A rotation that may be carried out. */
export class Rotation {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #home: DiskFolder;
  readonly #folder: DiskFolder;

  private constructor(disk: Disk, paths: LogPaths, folders: { readonly home: DiskFolder; readonly folder: DiskFolder }) {
    this.#disk = disk;
    this.#paths = paths;
    this.#home = folders.home;
    this.#folder = folders.folder;
  }

  /**
   * Opens what a rotation needs, lets something carry it out, and closes it again.
   *
   * @returns what `work` returns
   */
  static async run<T>(disk: Disk, paths: LogPaths, work: (rotation: Rotation) => Promise<T>): Promise<T> {
    const home = await disk.openFolder(paths.home);
    try {
      const folder = await disk.openFolder(paths.folder);
      try {
        return await work(new Rotation(disk, paths, { home, folder }));
      } finally {
        await closeQuietly(folder);
      }
    } finally {
      await closeQuietly(home);
    }
  }

  /** Step 1: makes the segment that follows. */
  async prepare(header: SegmentHeader): Promise<SegmentExtent> {
    const bytes = Buffer.from(encodeHeaderLine(header));
    await this.#disk.unlink(this.#paths.next);
    const { inode } = await writeNewFile(this.#disk, this.#paths.next, bytes);
    await this.#folder.sync();
    return { firstSeq: header.firstSeq, sizeBytes: bytes.length, inode };
  }

  /** Step 3: gives the sealed segment the name that it keeps. */
  async nameSealed(firstSeq: number): Promise<void> {
    await this.#disk.link(this.#paths.active, this.#paths.inFolder(segmentName(firstSeq)));
    await this.#folder.sync();
  }

  /** Step 4: makes the next segment the active one. */
  async activateNext(): Promise<void> {
    await this.#disk.rename(this.#paths.next, this.#paths.active);
    await this.#folder.sync();
    await this.#home.sync();
  }
}
