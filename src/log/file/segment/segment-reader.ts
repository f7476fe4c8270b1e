/**
 * Reads one segment line by line and checks each against the chain. Recovery, readers and followers all read through it.
 * Decides nothing: at the first line that is not the one that is due it stops and says what it found.
 */
import { countText } from '../../../base/count-text.js';
import {
  decodeEventLine, decodeHeaderLine, decodeSealLine, looksLikeSeal, type DueLine, type LineFault, type SegmentHeader, type SegmentSeal,
} from '../../line-format.js';
import { LogCorruptError, LogVersionError } from '../../log-errors.js';
import type { LogLine } from '../../log.js';
import type { DiskFile } from '../../../disk/disk.js';
import { readRecords, type RecordBytes } from './read-records.js';

/** Which header a segment must have. */
export interface DueHeader {
  readonly project: string;
  /** Absent: whichever it has. */
  readonly logId?: string | undefined;
  readonly firstSeq: number;
  /** Absent: the genesis hash of its own log id. */
  readonly previousHash?: string | undefined;
}

/** A record that is not the line that was due. */
export interface FaultyRecord {
  readonly offset: number;
  readonly fault: LineFault;
  /** False when the record lacks its line feed. */
  readonly terminated: boolean;
}

/** How reading a segment ended. */
export type SegmentEnd =
  /** After a valid line, where the range ends. */
  | { readonly kind: 'end' }
  /** At a seal: nothing may follow, which the caller checks by the file's size. */
  | { readonly kind: 'sealed'; readonly seal: SegmentSeal }
  /** After a valid last line that lacks only its line feed. */
  | { readonly kind: 'unterminated' }
  /** At a record that is not the line that was due. */
  | { readonly kind: 'faulty'; readonly record: FaultyRecord };

const HEADER_BYTES_MAX = 1024;
const LINE_FEED = 0x0a;

/**
 * Reads and checks a segment's header.
 *
 * @returns the header, and its length in bytes with the line feed
 * @throws {LogCorruptError} when it is not a header
 * @throws {LogVersionError} when a newer version wrote it
 */
export async function readHeader(
  file: Pick<DiskFile, 'read'>, shownName: string,
): Promise<{ readonly header: SegmentHeader; readonly sizeBytes: number }> {
  const buffer = Buffer.alloc(HEADER_BYTES_MAX);
  const bytes = buffer.subarray(0, await file.read(buffer, 0));
  const end = bytes.indexOf(LINE_FEED);
  if (end < 0) {
    const found = `${countText(bytes.length, 'byte')} without a line feed`;
    throw new LogCorruptError({ file: shownName, offset: 0 }, 'a header line', found);
  }
  const decoded = decodeHeaderLine(bytes.subarray(0, end));
  if (!decoded.ok) throw new LogCorruptError({ file: shownName, offset: 0 }, decoded.fault.expected, decoded.fault.found);
  if ('format' in decoded.value) throw new LogVersionError(shownName, decoded.value.format);
  return { header: decoded.value, sizeBytes: end + 1 };
}

/**
 * Refuses a header that is not the one that is due.
 *
 * @param due what it must say
 * @throws {LogCorruptError} naming the field that differs
 */
export function checkHeader(header: SegmentHeader, due: DueHeader, shownName: string): void {
  const fields: readonly (readonly [string, string | number, string | number | undefined])[] = [
    ['project', header.project, due.project],
    ['log_id', header.logId, due.logId],
    ['first_seq', header.firstSeq, due.firstSeq],
    ['prev', header.previousHash, due.previousHash],
  ];
  for (const [name, found, wanted] of fields) {
    if (wanted === undefined || found === wanted) continue;
    throw new LogCorruptError({ file: shownName, offset: 0, seq: due.firstSeq }, `${name} ${wanted}`, `${name} ${found}`);
  }
}

/** Reads the lines of one segment from a place on. */
export class SegmentReader {
  readonly #file: Pick<DiskFile, 'read'>;
  #place: DueLine;
  #end: SegmentEnd = { kind: 'end' };
  readonly #markSeq: number;
  #markOffset: number | undefined;

  /**
   * @param file opened for reading; the caller closes it
   * @param markSeq the seq of a line whose end is to be remembered; 0 for none
   */
  constructor(file: Pick<DiskFile, 'read'>, from: DueLine, markSeq = 0) {
    this.#file = file;
    this.#place = from;
    this.#markSeq = markSeq;
  }

  /** The line that is due next. */
  get place(): DueLine {
    return this.#place;
  }

  /** Where the line after the marked one begins, in bytes; undefined until that line has been read. */
  get markOffset(): number | undefined {
    return this.#markOffset;
  }

  /** How the last call of {@link SegmentReader.lines} ended. */
  get end(): SegmentEnd {
    return this.#end;
  }

  /**
   * Reads on.
   *
   * @param endOffset where to stop, in bytes
   * @param toSeq last seq to take; what follows it is left for the next call
   * @returns valid lines in groups; afterwards {@link SegmentReader.end} says why there are no more
   */
  async *lines(endOffset: number, toSeq = Number.MAX_SAFE_INTEGER): AsyncGenerator<readonly LogLine[]> {
    this.#end = { kind: 'end' };
    for await (const records of readRecords(this.#file, this.#place.offset, endOffset)) {
      const lines: LogLine[] = [];
      for (const record of records) {
        const line = this.#place.seq > toSeq ? undefined : this.#accept(record);
        if (line === undefined) break;
        lines.push(line);
      }
      if (lines.length > 0) yield lines;
      if (this.#end.kind !== 'end' || this.#place.seq > toSeq) return;
    }
  }

  /** Takes one record; undefined when reading is at its end. */
  #accept(record: RecordBytes): LogLine | undefined {
    if (looksLikeSeal(record.bytes)) return this.#acceptSeal(record);
    const decoded = decodeEventLine(record.bytes, this.#place);
    if (!decoded.ok) return this.#fail(record, decoded.fault);
    const line = decoded.value;
    const offset = record.offset + record.bytes.length + (record.terminated ? 1 : 0);
    const { segment } = this.#place;
    this.#place = { segment, offset, seq: line.seq + 1, previousHash: line.hash, durable: line.durable };
    if (line.seq === this.#markSeq) this.#markOffset = offset;
    if (!record.terminated) this.#end = { kind: 'unterminated' };
    return line;
  }

  #acceptSeal(record: RecordBytes): undefined {
    const decoded = decodeSealLine(record.bytes, this.#place);
    if (!decoded.ok) return this.#fail(record, decoded.fault);
    // A seal without its line feed was never finished: the rotation that wrote it has not gone on.
    if (!record.terminated) return this.#fail(record, { expected: 'a line feed after the seal', found: 'the end of the file' });
    this.#place = { ...this.#place, offset: record.offset + record.bytes.length + 1 };
    this.#end = { kind: 'sealed', seal: decoded.value };
    return undefined;
  }

  #fail(record: RecordBytes, fault: LineFault): undefined {
    this.#end = { kind: 'faulty', record: { offset: record.offset, fault, terminated: record.terminated } };
    return undefined;
  }
}
