/**
 * A project's lines, read from its files alone, while a server may be writing them: for a snapshot that is built in a thread of its
 * own, and for tools on the command line. Changes nothing, and holds nothing open between two readings.
 */
import { isErrno } from '../../../base/app-error.js';
import type { Disk } from '../../../disk/disk.js';
import { claimedNextSeq, claimedSeq } from '../../line-format.js';
import { LogCorruptError } from '../../log-errors.js';
import type { LogLine } from '../../log.js';
import { LogPaths } from '../log-paths.js';
import { LogReader } from './log-reader.js';
import { listSegments } from '../segment-list.js';
import { readHeader } from '../segment/segment-reader.js';
import { activeFile, type ReadableSegment, type SegmentText, withText } from '../segment/segment-files.js';

/** How far back from its end the active segment is searched for its last whole line, in bytes, before it is read from the start. */
const LAST_LINE_PIECE_BYTES = 65_536;
const LINE_FEED = 0x0a;

/** Which lines are wanted. */
export interface LineRange {
  readonly fromSeq: number;
  /** Must be durable already. @default up to the last whole line */
  readonly toSeq?: number;
  readonly signal?: AbortSignal;
}

/** A log by its files. */
export class StoredLog {
  /** The project it belongs to. */
  readonly project: string;
  /** 32 hexadecimal digits. */
  readonly logId: string;
  readonly #disk: Disk;
  readonly #paths: LogPaths;

  private constructor(disk: Disk, paths: LogPaths, logId: string) {
    this.#disk = disk;
    this.#paths = paths;
    this.project = paths.project;
    this.logId = logId;
  }

  /**
   * Looks which log lies under a name.
   *
   * @param folder the home of the logs, absolute
   * @returns its files; undefined when there is no active segment of that name
   * @throws {LogCorruptError} when the active segment does not begin with a header
   */
  static async open(disk: Disk, folder: string, project: string): Promise<StoredLog | undefined> {
    const paths = new LogPaths(folder, project);
    try {
      const { header } = await withText(disk, activeFile(paths), (text) => readHeader(text, paths.activeName));
      return new StoredLog(disk, paths, header.logId);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /**
   * Says where the log begins now.
   *
   * @returns the first seq of its oldest segment
   */
  async firstSeq(): Promise<number> {
    return (await this.#segments())[0]?.firstSeq ?? 1;
  }

  /**
   * Says where the log ends now, as its last whole line says it: what a server has written and not yet made durable counts.
   *
   * @returns the seq of its last line; one below the first seq when it has none
   * @throws {LogCorruptError} when the last whole line of the active segment is none
   */
  async lastSeq(): Promise<number> {
    const { activeName } = this.#paths;
    return await withText(this.#disk, activeFile(this.#paths), async (text) => {
      const { header, sizeBytes: headerBytes } = await readHeader(text, activeName);
      const { sizeBytes } = await text.status();
      for (let reach = LAST_LINE_PIECE_BYTES; ; reach += reach) {
        const start = Math.max(headerBytes, sizeBytes - reach);
        const isFirst = start === headerBytes;
        const line = await lastWholeLine(text, start, { end: sizeBytes, isFirst });
        if (line === undefined && isFirst) return header.firstSeq - 1;
        if (line === undefined) continue;
        const nextSeq = claimedNextSeq(line);
        const seq = nextSeq === undefined ? claimedSeq(line) : nextSeq - 1;
        if (seq !== undefined) return seq;
        throw new LogCorruptError({ file: activeName, offset: start }, 'a last line with its seq', 'another one');
      }
    });
  }

  /**
   * Reads lines in order, each checked against the chain. What is removed meanwhile ends the reading, what is sealed or compressed
   * meanwhile does not.
   *
   * @throws {LogCorruptError} when a line is not the one that was written, or one up to `toSeq` is not there
   * @throws {LinesDroppedError} when the first of them have been removed
   */
  async *lines(range: LineRange): AsyncGenerator<readonly LogLine[]> {
    const { fromSeq, toSeq, signal } = range;
    const reader = new LogReader(this.#disk, this.#paths, {
      logId: this.logId, segments: () => this.#segments(), activeBytes: () => undefined,
    });
    let dueSeq = fromSeq;
    try {
      for await (const group of reader.groups(fromSeq, toSeq ?? Number.MAX_SAFE_INTEGER)) {
        signal?.throwIfAborted();
        dueSeq = (group.at(-1)?.seq ?? dueSeq) + 1;
        yield group;
      }
    } finally {
      await reader.close();
    }
    if (toSeq === undefined || dueSeq > toSeq) return;
    throw new LogCorruptError({ file: this.#paths.activeName, offset: 0, seq: dueSeq }, `lines up to seq ${toSeq}`, 'the end of the log');
  }

  async #segments(): Promise<readonly ReadableSegment[]> {
    return await listSegments(this.#disk, this.#paths);
  }
}

/** The last line between two offsets that has its line feed; undefined when its start may lie before them, or there is none. */
async function lastWholeLine(
  text: SegmentText, start: number, reach: { readonly end: number; readonly isFirst: boolean },
): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(reach.end - start);
  const found = bytes.subarray(0, await text.read(bytes, start));
  const lineEnd = found.lastIndexOf(LINE_FEED);
  const before = lineEnd < 1 ? -1 : found.lastIndexOf(LINE_FEED, lineEnd - 1);
  return lineEnd < 0 || (before < 0 && !reach.isFirst) ? undefined : found.subarray(before + 1, lineEnd);
}
