/**
 * Serves `Log.read`, `Log.scan` and `Log.readText` of an open log in files: yields accepted lines from the segments that exist.
 */
import { AppError } from '../../../base/app-error.js';
import { countText } from '../../../base/count-text.js';
import type { TextPlace } from '../../../base/text-place.js';
import type { Disk } from '../../../disk/disk.js';
import type { IdleFiles } from '../../../disk/idle-files.js';
import { LinesDroppedError, LogCorruptError } from '../../log-errors.js';
import type { ReadRange, ScannedLines, ScanRange } from '../../event-lines.js';
import type { LogLine, LogPosition, SealedSegment } from '../../log.js';
import type { FixedLog } from '../../fixed-log.js';
import { NewestLines } from '../../newest-lines.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import type { SegmentExtent } from '../segment/active-segment.js';
import { segmentFile } from '../segment/segment-files.js';
import { LogErasures } from './log-erasures.js';
import { LogReader } from './log-reader.js';
import { PlaceReader } from './place-reader.js';
import { type PlacedText, SegmentLines } from './segment-lines.js';

/** The current state of the open log. */
interface OpenLog {
  readonly logId: string;
  /** The sealed segments, oldest first. */
  sealed(): readonly SealedSegment[];
  /** The active segment: its first seq, and its accepted bytes. */
  active(): Pick<SegmentExtent, 'firstSeq' | 'sizeBytes' | 'inode'>;
  /** The last accepted line. */
  end(): LogPosition;
  isClosed(): boolean;
}

/** How many bytes of lines are kept in memory while the log is followed. */
const NEWEST_BYTES_MAX = 1_048_576;

/** Reads one open log. */
export class OpenLogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #log: OpenLog;
  readonly #places: PlaceReader;
  readonly #erasures: LogErasures;
  /** The lines that followers at the end of the log are about to read; undefined without followers. The log adds to it. */
  kept: NewestLines | undefined;

  /** @param idleFiles closes descriptors that are not in use */
  constructor(disk: Disk, paths: LogPaths, idleFiles: IdleFiles, log: OpenLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#erasures = new LogErasures(disk, paths, log.logId);
    this.#places = new PlaceReader(disk, paths, idleFiles, { logId: log.logId, segments: () => this.#segments() });
  }

  /**
   * Reads accepted lines; see `Log.read`.
   *
   * @returns each line once, in order
   */
  read(range: ReadRange): AsyncGenerator<LogLine> {
    const { seq } = this.#log.end();
    return this.#read({ ...range, fromSeq: this.#firstSeqOf(range), toSeq: Math.min(range.toSeq ?? seq, seq) });
  }

  async *#read(range: ReadRange & { readonly toSeq: number }): AsyncGenerator<LogLine> {
    const reader = this.#reader();
    try {
      for await (const line of reader.lines(range.fromSeq, range.toSeq)) {
        range.signal?.throwIfAborted();
        yield line;
      }
    } finally {
      await reader.close();
    }
  }

  #segments(): readonly ListedSegment[] {
    return [...this.#log.sealed(), { firstSeq: this.#log.active().firstSeq, isCompressed: false, isActive: true }];
  }

  /** First seq of the oldest segment. */
  get firstSeq(): number {
    return (this.#log.sealed()[0] ?? this.#log.active()).firstSeq;
  }

  /**
   * Fixes the files of the log as they are now.
   *
   * @param base what the log continues from, if its first line is that after it
   */
  extentOf(base: LogPosition | undefined): FixedLog {
    const { firstSeq: activeSeq, sizeBytes, inode } = this.#log.active();
    const { firstSeq } = this;
    return {
      project: this.#paths.project, logId: this.#log.logId, firstSeq, isAfterBase: base !== undefined && firstSeq === base.seq + 1,
      end: this.#log.end(), sealed: this.#log.sealed(), active: { firstSeq: activeSeq, sizeBytes, inode },
    };
  }

  /** {@inheritDoc Log.keepNewest} */
  keepNewest(isWanted: boolean): void {
    if (!isWanted) this.kept = undefined;
    else this.kept ??= new NewestLines(NEWEST_BYTES_MAX, this.#log.end().seq);
  }

  /** What the log records to be erased. */
  get erasures(): LogErasures {
    return this.#erasures;
  }

  /** Forgets the lines in memory, since some of them are to be erased: followers read the files. */
  forgetNewest(): void {
    this.kept?.dropAll();
  }

  /** {@inheritDoc Log.newest} */
  newest(range: ScanRange): ScannedLines | undefined {
    return this.kept?.has(range.fromSeq) === true ? this.kept.block(range) : undefined;
  }

  /** {@inheritDoc Log.scan} */
  async* scan(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    let { fromSeq } = range;
    if (this.kept?.has(fromSeq) === true && range.isNewestFirst !== true) {
      try {
        for await (const block of this.kept.scan(range)) {
          fromSeq = block.doneSeq + 1;
          yield block;
        }
        return;
      } catch (error) {
        // A slow reader: the files still have its lines.
        if (!(error instanceof LinesDroppedError)) throw error;
      }
    }
    yield* this.#scanFiles({ ...range, fromSeq });
  }

  async* #scanFiles(range: ScanRange): AsyncGenerator<ScannedLines, void, undefined> {
    const { fromSeq, toSeq, isNewestFirst = false } = range;
    for (let seq = isNewestFirst ? toSeq : fromSeq; seq >= fromSeq && seq <= toSeq;) {
      const text = this.#textOf(seq);
      const lines = new SegmentLines(text, range);
      const [first, last] = [Math.max(fromSeq, text.firstSeq), Math.min(toSeq, text.lastSeq)];
      const blocks = isNewestFirst ? lines.backwards(first, seq) : lines.forwards(seq, last);
      try {
        for await (const block of blocks) {
          seq = block.doneSeq + (isNewestFirst ? -1 : 1);
          yield block;
        }
      } catch (error) {
        // Its removal, and not damage, is why it cannot be read.
        if (seq < this.firstSeq) throw new LinesDroppedError(seq, this.firstSeq);
        throw error;
      }
    }
  }

  #textOf(seq: number): PlacedText {
    const { sizeBytes, firstSeq } = this.#log.active();
    const active = { firstSeq, sizeBytes, lastSeq: this.#log.end().seq };
    const found = seq >= firstSeq ? active : this.#log.sealed().findLast((segment) => segment.firstSeq <= seq);
    if (found === undefined || seq > found.lastSeq) throw new LinesDroppedError(seq, this.firstSeq);
    const read = async (into: Buffer, offset: number, isAgain: boolean): Promise<number> => {
      if (this.#log.isClosed()) throw new AppError('shutting_down', 'Cannot read from the log: it is closed');
      return await this.#places.read(found.firstSeq, into, offset, isAgain);
    };
    const shownName = this.nameOf(found.firstSeq) ?? this.#paths.activeName;
    const { firstSeq: textSeq, lastSeq, sizeBytes: textBytes } = found;
    return { firstSeq: textSeq, lastSeq, sizeBytes: textBytes, shownName, read, erasures: this.#erasures };
  }

  /** Lines before the first segment have been removed: reading begins with the first one that exists. */
  #firstSeqOf(range: ReadRange): number {
    return Math.max(range.fromSeq, this.firstSeq);
  }

  #reader(): LogReader {
    return new LogReader(this.#disk, this.#paths, {
      logId: this.#log.logId,
      segments: () => Promise.resolve(this.#segments()),
      active: () => this.#log.active(),
      erasures: this.#erasures,
    });
  }

  /**
   * Reads when a line was written.
   *
   * @returns milliseconds since 1970; undefined if there is no such line yet
   */
  async timeOf(seq: number): Promise<number | undefined> {
    for await (const line of this.read({ fromSeq: seq, toSeq: seq })) return line.timeMs;
    return undefined;
  }

  /**
   * Reads a piece of a line again; see `Log.readText`.
   *
   * @returns the bytes that are there now
   * @throws {LogCorruptError} if the segment, or that part of it, does not exist
   */
  async readText(place: TextPlace, isAgain: boolean): Promise<Buffer> {
    if (this.#log.isClosed()) throw new AppError('shutting_down', 'Cannot read from the log: it is closed');
    const { segment, offset, sizeBytes } = place;
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#places.read(segment, bytes, offset, isAgain);
    if (count === sizeBytes) return bytes;
    const file = this.nameOf(segment) ?? segmentFile(this.#paths, { firstSeq: segment, isCompressed: false }).shownName;
    throw new LogCorruptError({ file, offset }, `${countText(sizeBytes, 'byte')} of a line`, countText(count, 'byte'));
  }

  /** @returns the file of a segment relative to the data folder; undefined if there is no such segment */
  nameOf(firstSeq: number): string | undefined {
    const found = this.#segments().find((segment) => segment.firstSeq === firstSeq);
    return found && segmentFile(this.#paths, found).shownName;
  }

  /** Releases the descriptors of a segment that is about to be removed. */
  async drop(firstSeq: number): Promise<void> {
    await this.#places.drop(firstSeq);
  }

  /** Releases all descriptors after the reads in progress. */
  async close(): Promise<void> {
    await this.#places.close();
  }
}
