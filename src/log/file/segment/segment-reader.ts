/**
 * Reads one segment line by line and checks each line against the chain. Recovery, readers and followers all use it. It decides
 * nothing: at the first line that is not the expected one it stops and reports what it found.
 */
import { countText } from '../../../base/count-text.js';
import type { TextPlace } from '../../../base/text-place.js';
import type { ReadableFile } from '../../../disk/disk.js';
import type { Erasures } from '../../erased-lines.js';
import { decodeEventLine, type DueLine, type LineFault, placeOfLine } from '../../line-format.js';
import { decodeHeaderLine, decodeSealLine, looksLikeSeal, type SegmentHeader, type SegmentSeal } from '../../segment-format.js';
import { LogCorruptError, LogVersionError } from '../../log-errors.js';
import type { LogLine } from '../../log.js';
import { checkAhead } from './check-ahead.js';
import { IN_THIS_THREAD, type LineChecker } from './checked-lines.js';
import { GzipReader } from './gzip-reader.js';
import { readRecords, type RecordBytes } from './read-text.js';

/** The header that a segment must have. */
export interface DueHeader {
  readonly project: string;
  /** Absent: any. */
  readonly logId?: string | undefined;
  readonly firstSeq: number;
  /** Absent: any. */
  readonly previousHash?: string | undefined;
}

/** A record that is not the expected line. */
export interface FaultyRecord {
  readonly offset: number;
  readonly fault: LineFault;
  /** False if the record lacks its line feed. */
  readonly terminated: boolean;
}

/** How reading a segment ended. */
type SegmentEnd =
  /** After a valid line, at the end of the range. */
  | { readonly kind: 'end' }
  /** At a seal. Nothing may follow it; the caller checks the file's size. */
  | { readonly kind: 'sealed'; readonly seal: SegmentSeal }
  /** After a last line that is valid except for its missing line feed. */
  | { readonly kind: 'unterminated' }
  /** At a record that is not the expected line. */
  | { readonly kind: 'faulty'; readonly record: FaultyRecord };

const HEADER_BYTES_MAX = 1024;
const LINE_FEED = 0x0a;
const SEQ_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Reads and decodes a segment's header.
 *
 * @returns the header, and its length in bytes with the line feed
 * @throws {LogCorruptError} if there is no valid header
 * @throws {LogVersionError} if a newer version wrote it
 */
export async function readHeader(
  file: Pick<ReadableFile, 'read'>, shownName: string,
): Promise<{ readonly header: SegmentHeader; readonly sizeBytes: number }> {
  const buffer = Buffer.alloc(HEADER_BYTES_MAX);
  const bytes = buffer.subarray(0, await file.read(buffer, 0));
  const end = bytes.indexOf(LINE_FEED);
  const place = { file: shownName, offset: 0 };
  if (end < 0) throw new LogCorruptError(place, 'a header line', `${countText(bytes.length, 'byte')} without a line feed`);
  const decoded = decodeHeaderLine(bytes.subarray(0, end));
  if (!decoded.ok) throw new LogCorruptError(place, decoded.fault.expected, decoded.fault.found);
  if ('unknownFormat' in decoded.value) throw new LogVersionError(shownName, decoded.value.unknownFormat);
  return { header: decoded.value, sizeBytes: end + 1 };
}

/**
 * Compares a header with the expected one.
 *
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

/** Options of a {@link SegmentReader}. */
interface SegmentReaderOptions {
  /** The seq of a line whose end offset to remember. @default 0, for none */
  readonly markSeq?: number | undefined;
  /** Checks lines in other threads ahead of the reading, unless the text is compressed. @default none */
  readonly checker?: LineChecker | undefined;
  /** The erasures of the log. @default none: an erased line is a faulty one */
  readonly erasures?: Erasures | undefined;
}

/** Reads the lines of one segment from a given line on. */
export class SegmentReader {
  readonly #file: Pick<ReadableFile, 'read'>;
  #place: DueLine;
  #end: SegmentEnd = { kind: 'end' };
  readonly #markSeq: number;
  readonly #checker: LineChecker | undefined;
  readonly #erasures: Erasures | undefined;
  #markOffset: number | undefined;

  /** @param file open for reading; the caller closes it */
  constructor(file: Pick<ReadableFile, 'read'>, from: DueLine, { markSeq = 0, checker, erasures }: SegmentReaderOptions = {}) {
    this.#file = file;
    this.#place = from;
    this.#markSeq = markSeq;
    // A compressed text can only be read in order, and reading it again would inflate it again.
    this.#checker = file instanceof GzipReader ? undefined : checker;
    this.#erasures = erasures;
  }

  /** The next expected line. */
  get place(): DueLine {
    return this.#place;
  }

  /** Offset of the line after the marked one, in bytes; undefined until the marked line has been read. */
  get markOffset(): number | undefined {
    return this.#markOffset;
  }

  /** How the last call of {@link SegmentReader.lines} ended. */
  get end(): SegmentEnd {
    return this.#end;
  }

  /**
   * Reads the lines that follow.
   *
   * @param endOffset where to stop, in bytes
   * @param toSeq last seq to read; later lines stay for the next call
   * @returns valid lines in groups; {@link SegmentReader.end} then says why there are no more
   */
  async *lines(endOffset: number, toSeq = SEQ_MAX): AsyncGenerator<readonly LogLine[]> {
    this.#end = { kind: 'end' };
    const checker = this.#checker;
    const isHelped = checker !== undefined && toSeq === SEQ_MAX && endOffset - this.#place.offset >= checker.textBytesMin;
    if (isHelped) yield* this.#linesAhead(endOffset, checker.piecesMax > 0 ? checker : IN_THIS_THREAD);
    for await (const records of readRecords(this.#file, this.#place.offset, endOffset)) {
      const lines: LogLine[] = [];
      for (const record of records) {
        if (this.#place.seq > toSeq) break;
        let line = this.#accept(record);
        if (line === undefined && this.#isUnrecorded && this.#erasures !== undefined) {
          await this.#erasures.load();
          this.#end = { kind: 'end' };
          line = this.#accept(record);
        }
        if (line === undefined) break;
        lines.push(line);
      }
      if (lines.length > 0) yield lines;
      if (this.#end.kind !== 'end' || this.#place.seq > toSeq) return;
    }
  }

  /** Whether the reading has ended at an erased line of whose erasure nothing is known yet. */
  get #isUnrecorded(): boolean {
    return this.#end.kind === 'faulty' && this.#end.record.fault.isUnrecorded === true;
  }

  /** Reads lines for as long as others can check them; see {@link checkAhead}. */
  async *#linesAhead(endOffset: number, checker: LineChecker): AsyncGenerator<readonly LogLine[]> {
    for await (const { lines, next } of checkAhead(this.#file, { from: this.#place, endOffset }, checker)) {
      const marked = lines[this.#markSeq - this.#place.seq];
      if (marked !== undefined) this.#markOffset = endOf(placeOfLine(marked));
      this.#place = next;
      yield lines;
    }
  }

  /** Returns the line of a record; undefined where reading ends. */
  #accept(record: RecordBytes): LogLine | undefined {
    if (looksLikeSeal(record.bytes)) return this.#acceptSeal(record);
    const decoded = decodeEventLine(record.bytes, this.#place, this.#erasures);
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
    // A seal without its line feed was not written completely: its rotation did not continue.
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

function endOf({ offset, sizeBytes }: TextPlace): number {
  return offset + sizeBytes;
}
