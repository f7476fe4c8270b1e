/**
 * Lines as readers outside the server get them: verified, with their bytes. Pure.
 */
import { countText } from '../base/count-text.js';
import { invariant } from '../base/invariant.js';
import type { Erasures } from './erased-lines.js';
import { claimedHash, claimedSeq, decodeEventLine, type LineFault } from './line-format.js';
import type { EventLine } from './event-lines.js';

/** Whole lines that follow on one another in a segment. */
export interface LineBytes {
  /** Each with its line feed. */
  readonly bytes: Buffer;
  /** Hash of the line before the first one. */
  readonly previousHash: string;
}

/** Lines of a block, or what is wrong with one of them. */
type PickedLines =
  | { readonly lines: EventLine[] }
  /** With the offset of the line in the block. */
  | { readonly fault: LineFault; readonly offset: number };

const LINE_FEED = 0x0a;

/** Verifies a line; returns it, or why it is not the one that is due. */
function decodeLine(
  text: Buffer, { seq, previousHash }: Pick<EventLine, 'seq' | 'previousHash'>, erasures: Erasures | undefined,
): EventLine | LineFault {
  const decoded = decodeEventLine(text, { seq, previousHash, durable: 0, segment: 0, offset: 0 }, erasures);
  if (!decoded.ok) return decoded.fault;
  const { timeMs, op, actor, hash, place, erasedBy, body } = decoded.value;
  invariant(place !== undefined, 'a line that was decoded from bytes has a place in them');
  const { offset: bodyStart, sizeBytes } = place;
  const line = { seq, timeMs, op, actor, hash, previousHash, text, bodyStart, bodyEnd: bodyStart + sizeBytes };
  return erasedBy === undefined ? line : { ...line, left: body };
}

/**
 * Verifies all lines of a block.
 *
 * @param firstSeq seq of the first line
 */
export function decodeLines({ bytes, previousHash }: LineBytes, firstSeq: number, erasures?: Erasures): PickedLines {
  const lines: EventLine[] = [];
  let due = { seq: firstSeq, previousHash };
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    const line = decodeLine(bytes.subarray(start, end), due, erasures);
    if ('expected' in line) return { fault: line, offset: start };
    lines.push(line);
    due = { seq: line.seq + 1, previousHash: line.hash };
    start = end + 1;
  }
  return { lines };
}

/**
 * Verifies the lines of a block that contain one of some bytes, each against the hash that the line before it ends with. They are copied,
 * so that they do not hold the block.
 */
export function decodeWanted({ bytes, previousHash }: LineBytes, wanted: readonly Buffer[], erasures?: Erasures): PickedLines {
  const lines: EventLine[] = [];
  const found = wanted.map((one) => bytes.indexOf(one));
  for (let at = lowest(found); at >= 0; at = lowest(found)) {
    const start = bytes.lastIndexOf(LINE_FEED, at) + 1;
    const end = bytes.indexOf(LINE_FEED, at);
    const text = Buffer.from(bytes.subarray(start, end));
    const seq = claimedSeq(text);
    const before = start === 0 ? previousHash : claimedHash(lineBefore(bytes, start));
    const line = seq === undefined || before === undefined ? unlike(text) : decodeLine(text, { seq, previousHash: before }, erasures);
    if ('expected' in line) return { fault: line, offset: start };
    lines.push(line);
    for (const [index, one] of wanted.entries()) {
      const place = found[index] as number;
      if (place >= 0 && place < end) found[index] = bytes.indexOf(one, end);
    }
  }
  return { lines };
}

/** The lowest of some places; -1 if there is none. */
function lowest(places: readonly number[]): number {
  return places.reduce((low, place) => (place >= 0 && (low < 0 || place < low) ? place : low), -1);
}

/** The end of the line before an offset, without its line feed. */
function lineBefore(bytes: Buffer, start: number): Buffer {
  return bytes.subarray(bytes.lastIndexOf(LINE_FEED, start - 2) + 1, start - 1);
}

function unlike(text: Buffer): LineFault {
  return { expected: 'an event line after a line with a hash', found: countText(text.length, 'other byte') };
}
