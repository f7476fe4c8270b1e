/**
 * Reads a project's log from its files alone, while a server may be writing them: for a snapshot built in a worker thread, and for
 * command line tools. Changes nothing and holds no file open between two reads.
 */
import { isErrno } from '../../../base/app-error.js';
import type { Disk } from '../../../disk/disk.js';
import { claimedDurable, claimedSeq } from '../../line-format.js';
import { claimedNextSeq } from '../../segment-format.js';
import { LogCorruptError, LogReplacedError } from '../../log-errors.js';
import type { LogLine } from '../../log.js';
import { readHead } from '../head-file.js';
import { LogPaths } from '../log-paths.js';
import type { LineChecker } from '../segment/checked-lines.js';
import { activeFile, headerOf, listSegments, type SegmentText, withText } from '../segment/segment-files.js';
import { readHeader } from '../segment/segment-reader.js';
import { LogErasures } from './log-erasures.js';
import { LogReader } from './log-reader.js';

/** How far back from its end to search the active segment for its last whole line first, in bytes; the range doubles each time. */
const LAST_LINE_PIECE_BYTES = 65_536;
const LINE_FEED = 0x0a;

/** Which lines to read. */
interface LineRange {
  readonly fromSeq: number;
  /** Must be durable. @default up to the last whole line */
  readonly toSeq?: number;
  readonly signal?: AbortSignal;
}

/** A log that is read from its files. */
export class StoredLog {
  /** The project it belongs to. */
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly logId: string;
  /** What it records to be erased. */
  readonly erasures: LogErasures;
  readonly #disk: Disk;
  readonly #paths: LogPaths;
  readonly #checker: LineChecker | undefined;

  private constructor(disk: Disk, paths: LogPaths, logId: string, checker?: LineChecker) {
    this.#disk = disk;
    this.#checker = checker;
    this.#paths = paths;
    this.project = paths.project;
    this.logId = logId;
    this.erasures = new LogErasures(disk, paths, logId);
  }

  /**
   * Finds the log of a project.
   *
   * @param folder the data folder, absolute
   * @param checker checks the lines of sealed segments ahead of the reading; then they can be read only until the next group is asked for
   *   @default none
   * @returns undefined if it has no active segment
   * @throws {LogCorruptError} if the active segment does not begin with a header
   */
  static async open(disk: Disk, folder: string, project: string, checker?: LineChecker): Promise<StoredLog | undefined> {
    const paths = new LogPaths(folder, project);
    try {
      return new StoredLog(disk, paths, (await headerOf(disk, activeFile(paths))).logId, checker);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /**
   * Reads where the log begins now.
   *
   * @returns the first seq of its oldest segment
   */
  async firstSeq(): Promise<number> {
    return (await listSegments(this.#disk, this.#paths))[0]?.firstSeq ?? 1;
  }

  /**
   * Reads where the log ends now, from its last whole line. Includes lines that a server has written but not yet synced.
   *
   * @returns the seq of its last line; one below the first seq if it has none
   * @throws {LogCorruptError} if the last whole line of the active segment is not a line of a log
   */
  async lastSeq(): Promise<number> {
    return (await this.#end()).lastSeq;
  }

  /**
   * Reads up to which line the log is known to be on disk now: lines up to there are final. The head, the `durable` of the last line and
   * the existence of a later segment each prove it.
   *
   * @returns a seq up to which every line is there; one below the first seq if there is no such line
   * @throws {LogReplacedError} if the project has no log now, or another one
   * @throws {LogCorruptError} if the last whole line of the active segment is not a line of a log
   */
  async durableSeq(): Promise<number> {
    return (await this.#reach()).durableSeq;
  }

  async #reach(): Promise<{ readonly lastSeq: number; readonly durableSeq: number }> {
    // Read before the lines, which therefore reach at least that far.
    const { head } = await readHead(this.#disk, this.#paths.head);
    const { logId, lastSeq, durableSeq } = await this.#end().catch((error: unknown) => {
      throw isErrno(error, 'ENOENT') ? new LogReplacedError(this.project, 'its log is gone') : error;
    });
    if (logId !== this.logId) throw new LogReplacedError(this.project, `another log, ${logId}, has taken the place of ${this.logId}`);
    return { lastSeq, durableSeq: Math.min(lastSeq, Math.max(durableSeq, head?.logId === logId ? head.seq : 0)) };
  }

  /** Reads the end of the active segment. Nothing in it has been checked against the chain. */
  async #end(): Promise<{ readonly logId: string; readonly lastSeq: number; readonly durableSeq: number }> {
    const { activeName } = this.#paths;
    return await withText(this.#disk, activeFile(this.#paths), async (text) => {
      const { header, sizeBytes: headerBytes } = await readHeader(text, activeName);
      const { logId, firstSeq } = header;
      const { sizeBytes } = await text.status();
      for (let reach = LAST_LINE_PIECE_BYTES; ; reach += reach) {
        const start = Math.max(headerBytes, sizeBytes - reach);
        const isFirst = start === headerBytes;
        const line = await lastWholeLine(text, start, sizeBytes, isFirst);
        // A segment becomes the active one once the seal of the one before is on disk.
        if (line === undefined && isFirst) return { logId, lastSeq: firstSeq - 1, durableSeq: firstSeq - 1 };
        if (line === undefined) continue;
        const nextSeq = claimedNextSeq(line);
        const seq = nextSeq === undefined ? claimedSeq(line) : nextSeq - 1;
        if (seq !== undefined) return { logId, lastSeq: seq, durableSeq: Math.max(firstSeq - 1, claimedDurable(line)) };
        throw new LogCorruptError({ file: activeName, offset: start }, 'a last line with its seq', 'another one');
      }
    });
  }

  /**
   * Reads lines in order, each checked against the chain. Segments may be sealed or compressed meanwhile.
   *
   * @throws {LogCorruptError} if a line is not the one that was written, or one up to `toSeq` is missing
   * @throws {LinesDroppedError} if the first lines have been removed, or are removed meanwhile
   */
  async *lines(range: LineRange): AsyncGenerator<readonly LogLine[]> {
    const { fromSeq, toSeq, signal } = range;
    const reader = this.#reader();
    let dueSeq = fromSeq;
    try {
      for await (const group of reader.groups(fromSeq, toSeq ?? Number.MAX_SAFE_INTEGER)) {
        signal?.throwIfAborted();
        dueSeq += group.length;
        yield group;
      }
    } finally {
      await reader.close();
    }
    if (toSeq === undefined || dueSeq > toSeq) return;
    throw this.#endsTooEarly(dueSeq, toSeq);
  }

  #endsTooEarly(dueSeq: number, toSeq: number): LogCorruptError {
    const place = { file: this.#paths.activeName, offset: 0, seq: dueSeq };
    return new LogCorruptError(place, `lines up to seq ${toSeq}`, 'the end of the log');
  }

  /**
   * Keeps reading lines as they become final, each checked against the chain, across rotations.
   *
   * @param wait called when there are no more; resolves when to look again, and rejects to end the reading
   * @returns never ends by itself
   * @throws {LogReplacedError} if the project has no log any more, or another one
   * @throws {LogCorruptError} if a line is not the one that was written
   * @throws {LinesDroppedError} if lines are removed before they were read
   */
  async *follow(fromSeq: number, wait: () => Promise<void>): AsyncGenerator<readonly LogLine[]> {
    const reader = this.#reader();
    let dueSeq = fromSeq;
    try {
      for (;;) {
        const { lastSeq, durableSeq } = await this.#reach();
        if (dueSeq > Math.max(fromSeq, lastSeq + 1)) throw this.#endsTooEarly(lastSeq + 1, dueSeq - 1);
        for await (const group of reader.groups(dueSeq, durableSeq)) {
          dueSeq += group.length;
          yield group;
        }
        await wait();
      }
    } finally {
      await reader.close();
    }
  }

  #reader(): LogReader {
    return new LogReader(this.#disk, this.#paths, {
      checker: this.#checker,
      logId: this.logId, segments: () => listSegments(this.#disk, this.#paths), active: () => undefined, erasures: this.erasures,
    });
  }
}

/** The last line between two offsets that has its line feed; undefined if there is none, or its start may lie before them. */
async function lastWholeLine(text: SegmentText, start: number, end: number, isFirst: boolean): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(end - start);
  const found = bytes.subarray(0, await text.read(bytes, start));
  const lineEnd = found.lastIndexOf(LINE_FEED);
  const before = lineEnd < 1 ? -1 : found.lastIndexOf(LINE_FEED, lineEnd - 1);
  return lineEnd < 0 || (before < 0 && !isFirst) ? undefined : found.subarray(before + 1, lineEnd);
}
