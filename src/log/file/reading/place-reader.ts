/**
 * Reads pieces of lines again by their place: a segment and an offset in its text. The place stays good whatever form the segment has
 * now, so it is asked for at each reading.
 *
 * Of a compressed segment the text is written out for as long as places in it are read; where that cannot be, since there is no room or
 * the segment is damaged somewhere, it is inflated up to the place, each time.
 */
import { systemClock } from '../../../base/clock.js';
import { FilePool } from '../../../disk/file-pool.js';
import type { Disk, DiskFile } from '../../../disk/disk.js';
import { IdleFiles } from '../../../disk/idle-files.js';
import type { SegmentHeader } from '../../line-format.js';
import { LogCorruptError } from '../../log-errors.js';
import { openInflated } from '../segment/inflate-segment.js';
import type { LogPaths } from '../log-paths.js';
import { openIfFirst } from '../segment-opening.js';
import { checkHeader } from '../segment/segment-reader.js';
import {
  activeFile, otherFileOf, type ReadableSegment, sealedFile, type SegmentFile, type SegmentText, withText,
} from '../segment/segment-files.js';

/** Texts written out so far. One that is given up may still be on its way when the next begins: they must not share a name. */
let openings = 0;

/** Descriptors of plain segments that are kept open, at most. */
export const POOLED_FILES_MAX = 8;
/** Compressed segments whose text is written out at once, at most: that is the room that they may take. */
const INFLATED_FILES_MAX = 32;
/** How long such a text is kept after its last reading, in milliseconds: it takes room, and longer to make than to open a file. */
const INFLATED_IDLE_MS = 30_000;
/** How long a text that could not be written out is not tried again, in milliseconds. */
const FAILED_RETRY_MS = 30_000;
/** A segment may be sealed or compressed between the question for its form and the opening; then it is asked again. */
const OPEN_ATTEMPTS = 3;

/** Where the log's files are. */
export interface LogContext {
  readonly disk: Disk;
  readonly paths: LogPaths;
  /** Closes descriptors that are not read. */
  readonly idleFiles: IdleFiles;
}

/** Where in the text of a segment a reading begins. */
export interface PlaceInText {
  /** In bytes. */
  readonly offset: number;
  /** True after a reading that gave something else than what was written. */
  readonly isAgain: boolean;
}

/** The log that places are read in, as it is at the moment of the question. */
export interface PlacedLog {
  readonly logId: string;
  /** All segments, oldest first; the last one is the active one. */
  segments(): readonly ReadableSegment[];
}

/** The segments of one log as texts in which any place can be read. */
export class PlaceReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #log: PlacedLog;
  readonly #plain: FilePool;
  readonly #inflated = new FilePool(INFLATED_FILES_MAX, new IdleFiles({ idleMs: INFLATED_IDLE_MS }));
  /** When the text of a compressed segment could not be written out, by the monotonic clock in milliseconds. */
  readonly #failedAtMs = new Map<number, number>();

  constructor({ disk, paths, idleFiles }: LogContext, log: PlacedLog) {
    this.#disk = disk;
    this.#plain = new FilePool(POOLED_FILES_MAX, idleFiles);
    this.#paths = paths;
    this.#log = log;
  }

  /**
   * Reads from the text of a segment.
   *
   * @param where where it begins, in bytes of text, and whether a reading before gave something else than what was written: where there
   *   are two forms, the one that is not in use is read then
   * @returns how many bytes were read
   * @throws {LogCorruptError} when there is no such segment, or it cannot be inflated up to there
   */
  async read(firstSeq: number, into: Buffer, { offset, isAgain }: PlaceInText): Promise<number> {
    const work = (text: Pick<SegmentText, 'read'>): Promise<number> => text.read(into, offset);
    const other = isAgain ? this.#otherForm(firstSeq) : undefined;
    if (other !== undefined) return await withText(this.#disk, other, work);
    for (let attempt = 1; ; attempt += 1) {
      const form = this.#formOf(firstSeq);
      try {
        if (form === 'compressed') return await this.#readInflated(firstSeq, work);
        return await this.#plain.use(firstSeq, () => this.#openPlain(firstSeq), work);
      } catch (error) {
        if (attempt === OPEN_ATTEMPTS || form === this.#formOf(firstSeq)) throw error;
      }
    }
  }

  /** Not kept open: one of the two is about to go. */
  #otherForm(firstSeq: number): SegmentFile | undefined {
    const found = this.#log.segments().find((segment) => segment.firstSeq === firstSeq);
    return found && otherFileOf(this.#paths, found);
  }

  #formOf(firstSeq: number): ReadableSegment['form'] | undefined {
    return this.#log.segments().find((segment) => segment.firstSeq === firstSeq)?.form;
  }

  async #readInflated(firstSeq: number, work: (text: Pick<SegmentText, 'read'>) => Promise<number>): Promise<number> {
    const segment = sealedFile(this.#paths, { firstSeq, isCompressed: true });
    const nowMs = systemClock.monotonicMs();
    if (nowMs - (this.#failedAtMs.get(firstSeq) ?? Number.NEGATIVE_INFINITY) >= FAILED_RETRY_MS) {
      try {
        return await this.#inflated.use(firstSeq, () => {
          openings += 1;
          return openInflated(this.#disk, segment, { path: this.#paths.inflated(firstSeq, openings), isRoomKept: true });
        }, work);
      } catch {
        // Where nothing else helps either, the reading below says so.
        this.#failedAtMs.set(firstSeq, nowMs);
      }
    }
    return await withText(this.#disk, segment, work);
  }

  /** Opens the file whose header says that it is this segment: the active name may have moved on to the next one. */
  async #openPlain(firstSeq: number): Promise<DiskFile> {
    const sealed = sealedFile(this.#paths, { firstSeq, isCompressed: false });
    const isActive = this.#formOf(firstSeq) === 'active';
    const due = { project: this.#paths.project, logId: this.#log.logId, firstSeq };
    for (const { path, shownName } of isActive ? [activeFile(this.#paths), sealed] : [sealed]) {
      const check = (header: SegmentHeader): void => checkHeader(header, due, shownName);
      const opened = await openIfFirst(() => this.#disk.open(path, 'read'), { firstSeq, shownName, check });
      if (opened !== undefined) return opened.file;
    }
    throw new LogCorruptError({ file: sealed.shownName, offset: 0 }, `a plain segment with first_seq ${firstSeq}`, 'another one or none');
  }

  /** Releases the descriptors of a segment that is about to go. */
  async drop(firstSeq: number): Promise<void> {
    await this.#plain.drop(firstSeq);
    await this.#inflated.drop(firstSeq);
    this.#failedAtMs.delete(firstSeq);
  }

  /** Releases every descriptor once its reading is done. */
  async close(): Promise<void> {
    await this.#plain.close();
    await this.#inflated.close();
  }
}
