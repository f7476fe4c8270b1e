/**
 * Verifies the lines of a piece of a segment by themselves, in whatever thread: each line holds its own hash, and the line before it that
 * of its predecessor. Tells how far they are sound. What is wrong with the first line that is not, `segment-reader.ts` says.
 */
import { isUtf8 } from 'node:buffer';
import { type ByteRange, isAt, isRangeAt, textOf } from '../../../base/byte-scan.js';
import { wordInBytes } from '../../../base/hex-word.js';
import { invariant } from '../../../base/invariant.js';
import type { TextPlace } from '../../../base/text-place.js';
import { type DueLine, HASH_CHARACTERS, HASH_MARK, soundHash } from '../../line-format.js';
import { HASH_TAIL_BYTES, LineScan } from '../../line-scan.js';
import type { LogLine } from '../../log.js';

/** A piece of a segment: plain data that can be sent to another thread. */
export interface UncheckedLines {
  /** Whole lines with their line feeds, at least one. Nothing else is in its buffer, which is handed over. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Hash of the line before. */
  readonly previousHash: string;
}

/** The sound lines at the beginning of a piece, up to the first one that is not; plain data too. */
export interface CheckedLines {
  /** The piece, handed back. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  /** Seq of the first line. Each line has the next one. */
  readonly firstSeq: number;
  /** `durable` of the first line, and of the last. It never decreases in between. */
  readonly firstDurable: number;
  readonly durable: number;
  /** Hash of the last line. */
  readonly hash: string;
  /** Whether the piece is valid UTF-8. */
  readonly isUtf8: boolean;
  /** The operations that occur. */
  readonly ops: readonly string[];
  /** Time of each line, in milliseconds since 1970. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** {@link COLUMNS} numbers for each line: offsets of its end after its line feed, of its body and request; the index of its operation. */
  readonly columns: Uint32Array<ArrayBuffer>;
}

/** Checks pieces in other threads. */
export interface LineChecker {
  /** Number of pieces that it checks at the same time; 0 where no other thread helps, and the reading one checks them. */
  readonly piecesMax: number;
  /** Size of a piece in bytes, unless a line is longer. */
  readonly pieceBytes: number;
  /** Size from which on a text is worth the start of a thread, in bytes. */
  readonly textBytesMin: number;
  /** Checks a piece; rejects if it cannot, which says nothing about the lines. */
  checkLines(piece: UncheckedLines): Promise<CheckedLines>;
}

const COLUMNS = 4;
const [END_COLUMN, BODY_COLUMN, REQUEST_COLUMN, OP_COLUMN] = [0, 1, 2, 3] as const;
/** No event line is shorter, in bytes. */
const LINE_BYTES_MIN = 128;
const LINE_FEED = 0x0a;

/**
 * Checks the lines of a piece: their form, the chain of their hashes, that their seqs follow on one another, and their `durable`. The
 * caller compares the first line with what is due.
 */
export function checkLines({ bytes, previousHash }: UncheckedLines): CheckedLines {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const linesMax = Math.ceil(bytes.length / LINE_BYTES_MIN);
  const timesMs = new Float64Array(linesMax);
  const columns = new Uint32Array(linesMax * COLUMNS);
  const ops = new OpTable();
  const scan = new LineScan();
  let [count, firstSeq, firstDurable, durable] = [0, 0, 0, 0];
  let hash = previousHash;
  let start = 0;
  for (let end = buffer.indexOf(LINE_FEED); end >= 0; end = buffer.indexOf(LINE_FEED, start)) {
    if (!scan.find(buffer, start, end) || scan.durable >= scan.seq || scan.durable < durable) break;
    if (count > 0 && scan.seq !== firstSeq + count) break;
    const computed = soundHash(buffer, start, scan, hash);
    if (computed === undefined) break;
    if (count === 0) [firstSeq, firstDurable] = [scan.seq, scan.durable];
    timesMs[count] = scan.timeMs;
    const column = count * COLUMNS;
    columns[column + END_COLUMN] = end + 1;
    columns[column + BODY_COLUMN] = scan.bodyStart;
    columns[column + REQUEST_COLUMN] = scan.requestStart;
    columns[column + OP_COLUMN] = ops.indexOf({ bytes: buffer, start: scan.opStart, end: scan.opEnd });
    durable = scan.durable;
    hash = computed;
    count += 1;
    start = end + 1;
  }
  return { bytes, count, firstSeq, firstDurable, durable, hash, isUtf8: isUtf8(bytes), ops: ops.names, timesMs, columns };
}

/** The operations of a piece. There are few, and most lines have that of the line before. */
class OpTable {
  readonly names: string[] = [];
  #lastIndex = 0;
  #last: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 };

  /** Returns the index of an operation. */
  indexOf(op: ByteRange): number {
    const { start, end } = this.#last;
    if (op.end - op.start === end - start && isRangeAt(op.bytes, op.start, this.#last)) return this.#lastIndex;
    const name = op.bytes.toString('latin1', op.start, op.end);
    const known = this.names.indexOf(name);
    this.#lastIndex = known >= 0 ? known : this.names.push(name) - 1;
    this.#last = op;
    return this.#lastIndex;
  }
}

/** One of the numbers of a line; each line that was counted has them. */
function numberAt({ columns }: CheckedLines, index: number, column: number): number {
  return columns[index * COLUMNS + column] as number;
}

const LINE_SCAN = new LineScan();

/** Sound lines at their place in a segment. */
interface PlacedLines {
  readonly lines: CheckedLines;
  readonly buffer: Buffer;
  /** The seq of the first event of the segment. */
  readonly segment: number;
  /** Offset of the piece in the segment, in bytes. */
  readonly offset: number;
}

/** A checked line. Makes text of a field when it is asked for: most lines are asked for little. */
class CheckedLine implements LogLine {
  readonly seq: number;
  readonly timeMs: number;
  readonly #placed: PlacedLines;
  readonly #index: number;

  constructor(placed: PlacedLines, index: number) {
    this.seq = placed.lines.firstSeq + index;
    this.timeMs = placed.lines.timesMs[index] as number;
    this.#placed = placed;
    this.#index = index;
  }

  get op(): string {
    return this.#placed.lines.ops[this.#column(OP_COLUMN)] ?? '';
  }

  get actor(): string {
    const { actorStart, actorEnd } = this.#scan();
    return this.#placed.buffer.toString('utf8', actorStart, actorEnd);
  }

  get request(): string {
    const { requestStart, requestEnd } = this.#scan();
    return this.#placed.buffer.toString('utf8', requestStart, requestEnd);
  }

  requestBeginsWith(prefix: Buffer): boolean {
    return isAt(this.#placed.buffer, this.#column(REQUEST_COLUMN), prefix);
  }

  get durable(): number {
    return this.#scan().durable;
  }

  get hash(): string {
    // By its place alone: that the line ends with its hash was checked, and a pattern took a seventh of a start.
    return this.#placed.buffer.toString('latin1', this.#hashStart, this.#hashStart + HASH_CHARACTERS);
  }

  get hashHead(): number | undefined {
    return wordInBytes(this.#placed.buffer, this.#hashStart);
  }

  get #hashStart(): number {
    return this.#end - 1 - HASH_TAIL_BYTES + HASH_MARK.length;
  }

  get bodyRange(): ByteRange | undefined {
    return this.#placed.lines.isUtf8 ? this.#range : undefined;
  }

  get #range(): ByteRange {
    return { bytes: this.#placed.buffer, start: this.#column(BODY_COLUMN), end: this.#end - 1 - HASH_TAIL_BYTES };
  }

  get body(): string {
    return textOf(this.#range);
  }

  get place(): TextPlace {
    const { start, end } = this.#range;
    return { segment: this.#placed.segment, offset: this.#placed.offset + start, sizeBytes: end - start };
  }

  get #start(): number {
    return this.#index === 0 ? 0 : numberAt(this.#placed.lines, this.#index - 1, END_COLUMN);
  }

  /** Offset after the line feed. */
  get #end(): number {
    return this.#column(END_COLUMN);
  }

  #column(column: number): number {
    return numberAt(this.#placed.lines, this.#index, column);
  }

  #scan(): LineScan {
    const scan = LINE_SCAN;
    invariant(scan.find(this.#placed.buffer, this.#start, this.#end - 1), 'a checked line has its fields');
    return scan;
  }
}

/** Lines that were checked, and the line that is due after them. */
export interface CheckedGroup {
  readonly lines: readonly LogLine[];
  readonly next: DueLine;
}

/**
 * Places checked lines in their segment.
 *
 * @param due the line that must come first; its offset is that of the piece
 * @returns undefined if they do not continue the log
 */
export function placeLines(lines: CheckedLines, due: DueLine): CheckedGroup | undefined {
  const { count, firstSeq, firstDurable, durable, hash, bytes } = lines;
  if (count === 0 || firstSeq !== due.seq || firstDurable < due.durable) return undefined;
  const { segment, offset } = due;
  const placed = { lines, buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), segment, offset };
  const end = offset + numberAt(lines, count - 1, END_COLUMN);
  const next = { segment, offset: end, seq: firstSeq + count, previousHash: hash, durable };
  const all = Array.from({ length: count }, (_, index) => new CheckedLine(placed, index));
  return { lines: all, next };
}

/** Checks pieces in this very thread: lines that are checked in pieces need no objects of their own. */
export const IN_THIS_THREAD: LineChecker = {
  piecesMax: 1, pieceBytes: 524_288, textBytesMin: 0, checkLines: (piece) => Promise.resolve(checkLines(piece)),
};
