/**
 * Serves `Log.read`, `Log.follow` and `Log.readText` of an open log in files: yields accepted lines from the segments that exist.
 */
import { AppError } from '../../../base/app-error.js';
import { countText } from '../../../base/count-text.js';
import type { TextPlace } from '../../../base/text-place.js';
import type { Disk } from '../../../disk/disk.js';
import type { IdleFiles } from '../../../disk/idle-files.js';
import type { AppendNotice } from '../../append-notice.js';
import { LogCorruptError } from '../../log-errors.js';
import type { LogLine, LogPosition, ReadRange } from '../../log.js';
import type { ListedSegment, LogPaths } from '../log-paths.js';
import { segmentFile } from '../segment/segment-files.js';
import { LogReader } from './log-reader.js';
import { PlaceReader } from './place-reader.js';

/** The current state of the open log. */
interface OpenLog {
  readonly logId: string;
  /** All segments, oldest first; the last one is the active one. */
  segments(): readonly ListedSegment[];
  /** Accepted bytes of the active segment. */
  activeBytes(): number;
  /** The last accepted line. */
  end(): LogPosition;
  isClosed(): boolean;
}

/** Reads one open log. */
export class OpenLogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #log: OpenLog;
  readonly #places: PlaceReader;

  /** @param idleFiles closes descriptors that are not in use */
  constructor(disk: Disk, paths: LogPaths, idleFiles: IdleFiles, log: OpenLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#places = new PlaceReader(disk, paths, idleFiles, log);
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

  /**
   * Keeps reading as the log grows; see `Log.follow`.
   *
   * @param notice woken when the log has grown or was closed
   * @returns each line once, in order
   */
  async *follow(range: ReadRange, notice: AppendNotice): AsyncGenerator<LogLine> {
    const reader = this.#reader();
    let fromSeq = this.#firstSeqOf(range);
    try {
      for (;;) {
        range.signal?.throwIfAborted();
        for await (const line of reader.lines(fromSeq, this.#log.end().seq)) {
          range.signal?.throwIfAborted();
          fromSeq = line.seq + 1;
          yield line;
        }
        if (fromSeq <= this.#log.end().seq) continue;
        if (this.#log.isClosed()) return;
        await notice.wait(range.signal);
      }
    } finally {
      await reader.close();
    }
  }

  /** Lines before the first segment have been removed: reading begins with the first one that exists. */
  #firstSeqOf(range: ReadRange): number {
    return Math.max(range.fromSeq, this.#log.segments()[0]?.firstSeq ?? 1);
  }

  #reader(): LogReader {
    return new LogReader(this.#disk, this.#paths, {
      logId: this.#log.logId,
      segments: () => Promise.resolve(this.#log.segments()),
      activeBytes: () => this.#log.activeBytes(),
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
    const found = this.#log.segments().find((segment) => segment.firstSeq === firstSeq);
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
