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
import { findSoundFile } from '../log/file/segment/verify-segment.js';
import { LogCorruptError } from '../log/log-errors.js';
import { snapshotName } from '../projections/snapshot/snapshot-names.js';

/** Open descriptors at most. */
const FILES_MAX = 64;
/** From here on, no snapshot uses the numbers of run files: they name written-out segments. */
const TEXT_RUNS_START = 900_000_000;

/** The texts of the segments of one log. */
export class SegmentTexts {
  readonly #pool: FilePool;
  readonly #open: (segment: number) => Promise<ReadableFile>;

  /**
   * @param pool holds the open texts
   * @param open opens the text of a segment, by the number that places name it by
   */
  constructor(pool: FilePool, open: (segment: number) => Promise<ReadableFile>) {
    this.#pool = pool;
    this.#open = open;
  }

  /**
   * Reads a piece of a line.
   *
   * @returns the bytes that are there now; the caller checks whether they are the right ones
   * @throws {LogCorruptError} when the segment does not exist
   */
  async read({ segment, offset, sizeBytes }: TextPlace): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#pool.use(segment, () => this.#open(segment), (file) => file.read(bytes, offset));
    return bytes.subarray(0, count);
  }

  /** Releases every descriptor. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/**
 * Opens the texts of a project's log. Written-out texts get names of run files of the snapshot that is being built, so that what a crash
 * leaves is dropped with the rest of that attempt.
 *
 * @param scratch the folder of that snapshot, absolute, and its seq
 */
export function projectTexts(
  disk: Disk, paths: LogPaths, scratch: { readonly folder: string; readonly seq: number },
): SegmentTexts {
  let runCount = 0;
  // Locates the segment on every opening: it may have been sealed or compressed since.
  return new SegmentTexts(new FilePool(FILES_MAX), async (firstSeq) => {
    const found = (await listSegments(disk, paths)).find((segment) => segment.firstSeq === firstSeq);
    const stored = found && !found.isActive ? await findSoundFile(disk, paths, found) : undefined;
    if (stored?.isCompressed) {
      const path = join(scratch.folder, snapshotName(scratch.seq, `run-${TEXT_RUNS_START + runCount}`));
      runCount += 1;
      return await openInflated(disk, stored, { path, leavesReserve: false });
    }
    const plain = { firstSeq, isCompressed: false };
    const opened = await openSegment(disk, paths, found?.isActive ? found : plain);
    if (opened !== undefined) return opened.text;
    const file = segmentFile(paths, plain).shownName;
    throw new LogCorruptError({ file, offset: 0 }, `a segment with first_seq ${firstSeq}`, 'another one or none');
  });
}
