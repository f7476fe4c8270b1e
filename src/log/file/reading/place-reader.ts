/**
 * Reads pieces of lines again by their place: a segment and an offset in its text. A place stays valid whichever form the segment has,
 * so the form is looked up at each read.
 *
 * The text of a compressed segment is inflated into a file for as long as places in it are read. If that fails, for lack of disk space
 * or because the segment is damaged somewhere, each read inflates the segment up to the place.
 */
import { systemClock } from '../../../base/clock.js';
import type { Disk, ReadableFile } from '../../../disk/disk.js';
import { FilePool } from '../../../disk/file-pool.js';
import { IdleFiles } from '../../../disk/idle-files.js';
import { LogCorruptError } from '../../log-errors.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import { openInflated } from '../segment/inflate-segment.js';
import { openSegment, otherFormFile, segmentFile, type SegmentText, withText } from '../segment/segment-files.js';
import { checkHeader } from '../segment/segment-reader.js';

/** Counts inflated texts. One that was given up may still be in progress when the next one starts; they must not share a name. */
let openings = 0;

/** Maximum number of plain segments kept open. */
export const POOLED_FILES_MAX = 8;
/** Maximum number of compressed segments that are inflated at the same time; it limits the disk space that they use. */
const INFLATED_FILES_MAX = 32;
/** How long an inflated text is kept after its last read, in milliseconds. It uses disk space, but takes longer to make than to open. */
const INFLATED_IDLE_MS = 30_000;
/** How long to wait before trying again to inflate a text after a failure, in milliseconds. */
const FAILED_RETRY_MS = 30_000;
/** How often to look up the form again when a segment was sealed or compressed between the look-up and the opening. */
const OPEN_ATTEMPTS = 3;

/** The current state of the log that places belong to. */
interface PlacedLog {
  readonly logId: string;
  /** All segments, oldest first; the last one is the active one. */
  segments(): readonly ListedSegment[];
}

/** Random access to the segments of one log. */
export class PlaceReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #log: PlacedLog;
  readonly #plain: FilePool;
  readonly #inflated = new FilePool(INFLATED_FILES_MAX, new IdleFiles({ idleMs: INFLATED_IDLE_MS }));
  /** When inflating the text of a compressed segment last failed, by the monotonic clock in milliseconds. */
  readonly #failedAtMs = new Map<number, number>();

  /** @param idleFiles closes descriptors that are not in use */
  constructor(disk: Disk, paths: LogPaths, idleFiles: IdleFiles, log: PlacedLog) {
    this.#disk = disk;
    this.#plain = new FilePool(POOLED_FILES_MAX, idleFiles);
    this.#paths = paths;
    this.#log = log;
  }

  /**
   * Reads from the text of a segment.
   *
   * @param offset in bytes of text
   * @param isAgain true after a read that returned something other than what was written: of two forms the one not in use is read
   * @returns how many bytes were read
   * @throws {LogCorruptError} if there is no such segment, or it cannot be inflated up to there
   */
  async read(firstSeq: number, into: Buffer, offset: number, isAgain: boolean): Promise<number> {
    const work = (text: Pick<SegmentText, 'read'>): Promise<number> => text.read(into, offset);
    const doubled = isAgain ? this.#find(firstSeq) : undefined;
    const other = doubled && otherFormFile(this.#paths, doubled);
    // Not kept open: one of the two forms is about to be removed.
    if (other !== undefined) return await withText(this.#disk, other, work);
    for (let attempt = 1; ; attempt += 1) {
      const segment = this.#find(firstSeq);
      try {
        if (segment?.isCompressed) return await this.#readInflated(firstSeq, work);
        return await this.#plain.use(firstSeq, () => this.#openPlain(firstSeq), work);
      } catch (error) {
        const now = this.#find(firstSeq);
        const isSame = segment?.isCompressed === now?.isCompressed && segment?.isActive === now?.isActive;
        if (attempt === OPEN_ATTEMPTS || isSame) throw error;
      }
    }
  }

  #find(firstSeq: number): ListedSegment | undefined {
    return this.#log.segments().find((segment) => segment.firstSeq === firstSeq);
  }

  async #readInflated(firstSeq: number, work: (text: Pick<SegmentText, 'read'>) => Promise<number>): Promise<number> {
    const file = segmentFile(this.#paths, { firstSeq, isCompressed: true });
    const nowMs = systemClock.monotonicMs();
    if (nowMs - (this.#failedAtMs.get(firstSeq) ?? Number.NEGATIVE_INFINITY) >= FAILED_RETRY_MS) {
      try {
        return await this.#inflated.use(firstSeq, () => {
          openings += 1;
          return openInflated(this.#disk, file, { path: this.#paths.inflated(firstSeq, openings), leavesReserve: true });
        }, work);
      } catch {
        // If the segment itself cannot be read, the read below reports it.
        this.#failedAtMs.set(firstSeq, nowMs);
      }
    }
    return await withText(this.#disk, file, work);
  }

  async #openPlain(firstSeq: number): Promise<ReadableFile> {
    const due = { project: this.#paths.project, logId: this.#log.logId, firstSeq };
    const segment: ListedSegment = { firstSeq, isCompressed: false, ...(this.#find(firstSeq)?.isActive && { isActive: true }) };
    const opened = await openSegment(this.#disk, this.#paths, segment, (header, shownName) => checkHeader(header, due, shownName));
    if (opened !== undefined) return opened.text;
    const { shownName } = segmentFile(this.#paths, { firstSeq, isCompressed: false });
    throw new LogCorruptError({ file: shownName, offset: 0 }, `a plain segment with first_seq ${firstSeq}`, 'another one or none');
  }

  /** Releases the descriptors of a segment that is about to be removed. */
  async drop(firstSeq: number): Promise<void> {
    await this.#plain.drop(firstSeq);
    await this.#inflated.drop(firstSeq);
    this.#failedAtMs.delete(firstSeq);
  }

  /** Releases all descriptors after the reads in progress. */
  async close(): Promise<void> {
    await this.#plain.close();
    await this.#inflated.close();
  }
}
