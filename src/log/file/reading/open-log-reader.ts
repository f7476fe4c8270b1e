/**
 * Reading and following an open log in files: who asks for lines gets those that are accepted, from the segments that there are.
 */
import { countText } from '../../../base/count-text.js';
import type { TextPlace } from '../../../base/text-place.js';
import { AppError } from '../../../base/app-error.js';
import type { Disk } from '../../../disk/disk.js';
import type { AppendNotice } from '../../append-notice.js';
import { LogCorruptError } from '../../log-errors.js';
import type { LogLine, LogPosition, ReadRange } from '../../log.js';
import { LogReader } from './log-reader.js';
import type { LogPaths } from '../log-paths.js';
import { type LogContext, PlaceReader } from './place-reader.js';
import { fileOf, type ReadableSegment, sealedFile } from '../segment/segment-files.js';

/** The log that is read, as it is at the moment of the question. */
export interface ReadLog {
  readonly logId: string;
  /** All segments, oldest first; the last one is the active one. */
  segments(): readonly ReadableSegment[];
  /** Accepted bytes of the active segment. */
  activeBytes(): number;
  /** The last accepted line. */
  end(): LogPosition;
  isClosed(): boolean;
}

/** What reads one log. */
export class OpenLogReader {
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #log: ReadLog;
  readonly #places: PlaceReader;

  constructor({ disk, paths, idleFiles }: LogContext, log: ReadLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#places = new PlaceReader({ disk, paths, idleFiles }, log);
  }

  /**
   * Reads accepted lines; see `Log.read`.
   *
   * @returns each line once, in order
   */
  read(range: ReadRange): AsyncGenerator<LogLine> {
    const { seq } = this.#log.end();
    return this.#read({ ...range, fromSeq: this.#firstOf(range), toSeq: Math.min(range.toSeq ?? seq, seq) });
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
   * Reads on as the log grows; see `Log.follow`.
   *
   * @param range where to begin, and when to stop
   * @param notice told when the log has grown or ended
   * @returns each line once, in order
   */
  async *follow(range: ReadRange, notice: AppendNotice): AsyncGenerator<LogLine> {
    const reader = this.#reader();
    let fromSeq = this.#firstOf(range);
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

  /** What came before the first segment is not there: a reading begins with what is. */
  #firstOf(range: ReadRange): number {
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
   * Reads when the first line from a seq on was written.
   *
   * @returns milliseconds since 1970; undefined when there is no such line yet
   */
  async timeOf(seq: number): Promise<number | undefined> {
    for await (const line of this.read({ fromSeq: seq, toSeq: seq })) return line.timeMs;
    return undefined;
  }

  /**
   * Reads a piece of a line again; see `Log.readText`.
   *
   * @returns the bytes that lie there now
   * @throws {LogCorruptError} when the segment, or that part of it, is not there
   */
  async readText(place: TextPlace, isAgain: boolean): Promise<Buffer> {
    if (this.#log.isClosed()) throw new AppError('shutting_down', 'Cannot read from the log: it is closed');
    const { segment, offset, sizeBytes } = place;
    const bytes = Buffer.allocUnsafe(sizeBytes);
    const count = await this.#places.read(segment, bytes, { offset, isAgain });
    if (count === sizeBytes) return bytes;
    const { shownName } = sealedFile(this.#paths, { firstSeq: segment, isCompressed: false });
    const file = this.nameOf(segment) ?? shownName;
    throw new LogCorruptError({ file, offset }, `${countText(sizeBytes, 'byte')} of a line`, countText(count, 'byte'));
  }

  /** @returns the file that a segment lies in now, relative to the home; undefined when there is no such segment */
  nameOf(firstSeq: number): string | undefined {
    const found = this.#log.segments().find((segment) => segment.firstSeq === firstSeq);
    return found && fileOf(this.#paths, found).shownName;
  }

  /** Releases the descriptors of a segment that is about to go. */
  async drop(firstSeq: number): Promise<void> {
    await this.#places.drop(firstSeq);
  }

  /** Releases every kept descriptor once its reading is done. */
  async close(): Promise<void> {
    await this.#places.close();
  }
}
