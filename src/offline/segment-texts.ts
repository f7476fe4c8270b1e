/**
 * Reads pieces of stored lines again, in any order. A compressed segment can only be inflated from its beginning, so its text is written
 * out once, to a file that vanishes when it is closed.
 */
import { join } from 'node:path';
import type { TextPlace } from '../base/text-place.js';
import type { Disk, ReadableFile } from '../disk/disk.js';
import { FilePool } from '../disk/file-pool.js';
import { openInflated } from '../log/file/segment/inflate-segment.js';
import type { LogPaths } from '../log/file/log-paths.js';
import { listSegments, openSegment, segmentFile } from '../log/file/segment/segment-files.js';
import { LogErasures } from '../log/file/reading/log-erasures.js';
import { findSoundFile } from '../log/file/segment/verify-segment.js';
import { LogCorruptError } from '../log/log-errors.js';

/** Open descriptors at most. */
const FILES_MAX = 64;

/** The texts of the segments of a project's log. */
export class SegmentTexts {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #scratchFolder: string;
  readonly #erasures: LogErasures;
  readonly #pool = new FilePool(FILES_MAX);
  #inflatedCount = 0;

  /** @param scratchFolder the folder to write out compressed segments to, absolute */
  constructor(disk: Disk, paths: LogPaths, scratchFolder: string) {
    this.#disk = disk;
    this.#paths = paths;
    this.#erasures = new LogErasures(disk, paths);
    this.#scratchFolder = scratchFolder;
  }

  /**
   * Reads a piece of a line.
   *
   * @returns the bytes that are there now
   * @throws {LogCorruptError} when the segment does not exist
   */
  async read({ segment, offset, sizeBytes }: TextPlace): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#pool.use(segment, () => this.#open(segment), (file) => file.read(bytes, offset));
    return bytes.subarray(0, count);
  }

  /** Locates the segment on every opening: it may have been sealed or compressed since. */
  async #open(firstSeq: number): Promise<ReadableFile> {
    const found = (await listSegments(this.#disk, this.#paths)).find((segment) => segment.firstSeq === firstSeq);
    const stored = found && !found.isActive ? await findSoundFile(this.#disk, this.#paths, found, this.#erasures) : undefined;
    if (stored?.isCompressed) {
      this.#inflatedCount += 1;
      const path = join(this.#scratchFolder, `inflated-${this.#inflatedCount}`);
      return await openInflated(this.#disk, stored, { path, leavesReserve: false });
    }
    const plain = { firstSeq, isCompressed: false };
    const opened = await openSegment(this.#disk, this.#paths, found?.isActive ? found : plain);
    if (opened !== undefined) return opened.text;
    const file = segmentFile(this.#paths, plain).shownName;
    throw new LogCorruptError({ file, offset: 0 }, `a segment with first_seq ${firstSeq}`, 'another one or none');
  }

  /** Releases every descriptor. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}
