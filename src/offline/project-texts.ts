/**
 * Reads pieces of stored lines again, from files alone, in any order.
 *
 * A snapshot asks for values key by key, so the text of a compressed segment is written out once, beside the files of the work that it
 * serves, under a name of theirs: what a crash leaves of it goes with the rest of that work.
 */
import { join } from 'node:path';
import type { TextPlace } from '../base/text-place.js';
import type { Disk, DiskFile } from '../disk/disk.js';
import { FilePool } from '../disk/file-pool.js';
import { openInflated } from '../log/file/segment/inflate-segment.js';
import type { LogPaths } from '../log/file/log-paths.js';
import { listSegments } from '../log/file/segment-list.js';
import { openIfFirst } from '../log/file/segment-opening.js';
import { activeFile, sealedFile, type SegmentFile } from '../log/file/segment/segment-files.js';
import { findSoundFile } from '../log/file/segment/verify-segment.js';
import { LogCorruptError } from '../log/log-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';

/** Descriptors that are open at once, at most. */
const FILES_MAX = 64;
/** Numbers of runs that no snapshot uses: those that hold the text of a segment. */
const TEXT_RUNS_START = 900_000_000;

/** The work that texts are read for: a snapshot that is being built. */
export interface TextScratch {
  /** Where its files are, absolute. */
  readonly folder: string;
  readonly seq: number;
}

/** Pieces of the lines of one log. */
export class ProjectTexts {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #scratch: TextScratch;
  readonly #pool = new FilePool(FILES_MAX);
  #runCount = 0;

  constructor(disk: Disk, paths: LogPaths, scratch: TextScratch) {
    this.#disk = disk;
    this.#paths = paths;
    this.#scratch = scratch;
  }

  /**
   * Reads a piece of a line.
   *
   * @returns the bytes that lie there now; whether they are the right ones is for the caller to check
   * @throws {LogCorruptError} when its segment is not there
   */
  async read({ segment, offset, sizeBytes }: TextPlace): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#pool.use(segment, () => this.#open(segment), (file) => file.read(bytes, offset));
    return bytes.subarray(0, count);
  }

  /** Finds the segment anew each time: it may have been sealed or compressed since. */
  async #open(firstSeq: number): Promise<DiskFile> {
    const found = (await listSegments(this.#disk, this.#paths)).find((segment) => segment.firstSeq === firstSeq);
    const file = found && found.form !== 'active' ? await findSoundFile(this.#disk, this.#paths, found) : undefined;
    if (file?.isCompressed) return await this.#openInflated(file);
    const sealed = sealedFile(this.#paths, { firstSeq, isCompressed: false });
    const files = found?.form === 'active' ? [activeFile(this.#paths), sealed] : [sealed];
    for (const { path, shownName } of files) {
      const opened = await openIfFirst(() => this.#disk.open(path, 'read'), { firstSeq, shownName });
      if (opened !== undefined) return opened.file;
    }
    throw new LogCorruptError({ file: sealed.shownName, offset: 0 }, `a segment with first_seq ${firstSeq}`, 'another one or none');
  }

  async #openInflated(segment: SegmentFile): Promise<DiskFile> {
    const { folder, seq } = this.#scratch;
    const path = join(folder, snapshotName(seq, `run-${TEXT_RUNS_START + this.#runCount}`));
    this.#runCount += 1;
    return await openInflated(this.#disk, segment, { path, isRoomKept: false });
  }

  /** Releases every descriptor. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}
