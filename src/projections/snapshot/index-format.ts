/**
 * The lines of an `.index`, as specified in `docs/snapshot-format.md`. Pure.
 *
 * A line is a JSON array, `["key",seq,timeMs,offset,sizeBytes,"crc"]`, spelled exactly as `JSON.stringify` does.
 */
import { type ByteRange, countIn, endOfCount, endOfPlainText, isAt } from '../../base/byte-scan.js';
import type { IndexEntry } from './snapshot.js';

/** Length of the shortest line, with its line feed, in bytes. */
export const INDEX_LINE_BYTES_MIN = '["k",1,0,1,1,"00000000"]\n'.length;

const CRC_DIGITS = 8;
const HEX = 16;
const CRC_FORM = /^[0-9a-f]{8}$/;
const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const FIELD_COUNT = 6;
const LINE_START = Buffer.from('["');
const AFTER_KEY = Buffer.from('",');
const BEFORE_CRC = Buffer.from(',"');
const LINE_END = Buffer.from('"]');

/** The value of each byte that is a hexadecimal digit in lower case; more than any digit for other bytes. */
const HEX_VALUES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte));
  return digit < 0 ? HEX : digit;
});

/** Formats a CRC-32 as 8 hexadecimal digits. */
export function crcText(crc: number): string {
  return crc.toString(HEX).padStart(CRC_DIGITS, '0');
}

/** Encodes a line. */
export function encodeIndexLine(entry: IndexEntry): string {
  const { key, seq, timeMs, offset, sizeBytes, crc } = entry;
  return `[${JSON.stringify(key)},${seq},${timeMs},${offset},${sizeBytes},"${crcText(crc)}"]\n`;
}

/** A decoded line. */
export interface IndexLine {
  readonly entry: IndexEntry;
  /** The key as it is spelled there, with its quotation marks. */
  readonly keyText: ByteRange;
}

/**
 * Decodes complete lines.
 *
 * @param bytes at least one line, each with its line feed
 * @returns the lines, or the offset in `bytes` of the first invalid one
 */
export function decodeIndexLines(bytes: Buffer): readonly IndexLine[] | { readonly faultOffset: number } {
  const lines: IndexLine[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    const line = decodeByPosition(bytes, start, end) ?? decodeAsJson(bytes, start, end);
    if (line === undefined) return { faultOffset: start };
    lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** Decodes a line whose key has no escapes and whose numbers have no sign and at most 15 digits; undefined for others. */
function decodeByPosition(bytes: Buffer, start: number, end: number): IndexLine | undefined {
  const keyStart = start + LINE_START.length;
  const keyEnd = endOfPlainText(bytes, keyStart, end);
  const seqStart = keyEnd + AFTER_KEY.length;
  const seqEnd = endOfCount(bytes, seqStart);
  const timeEnd = endOfCount(bytes, seqEnd + 1);
  const offsetEnd = endOfCount(bytes, timeEnd + 1);
  const sizeEnd = endOfCount(bytes, offsetEnd + 1);
  const crcStart = sizeEnd + BEFORE_CRC.length;
  const crcEnd = crcStart + CRC_DIGITS;
  const areNumbers = seqEnd > seqStart && timeEnd > seqEnd + 1 && offsetEnd > timeEnd + 1 && sizeEnd > offsetEnd + 1;
  if (!areNumbers || crcEnd + LINE_END.length !== end) return undefined;
  if (!isAt(bytes, start, LINE_START) || !isAt(bytes, keyEnd, AFTER_KEY)) return undefined;
  if (bytes[seqEnd] !== COMMA || bytes[timeEnd] !== COMMA || bytes[offsetEnd] !== COMMA) return undefined;
  if (!isAt(bytes, sizeEnd, BEFORE_CRC) || !isAt(bytes, crcEnd, LINE_END)) return undefined;
  const seq = countIn(bytes, seqStart, seqEnd);
  const offset = countIn(bytes, timeEnd + 1, offsetEnd);
  const sizeBytes = countIn(bytes, offsetEnd + 1, sizeEnd);
  const crc = hexIn(bytes, crcStart, crcEnd);
  if (seq === 0 || offset === 0 || sizeBytes === 0 || crc === undefined) return undefined;
  const key = bytes.toString('utf8', keyStart, keyEnd);
  const entry = { key, seq, timeMs: countIn(bytes, seqEnd + 1, timeEnd), offset, sizeBytes, crc };
  return { entry, keyText: { bytes, start: keyStart - 1, end: keyEnd + 1 } };
}

function hexIn(bytes: Buffer, start: number, end: number): number | undefined {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = HEX_VALUES[bytes[at] ?? 0] ?? HEX;
    if (digit === HEX) return undefined;
    value = value * HEX + digit;
  }
  return value;
}

/** Decodes any line. */
function decodeAsJson(bytes: Buffer, start: number, end: number): IndexLine | undefined {
  const text = bytes.toString('utf8', start, end);
  const row = parse(text);
  // Comparing with the text encoded again excludes blanks, other escapes, `1.0` for `1` and rows that are no arrays of plain values.
  const entry = row === undefined || JSON.stringify(row) !== text ? undefined : toEntry(row);
  if (entry === undefined) return undefined;
  const keyStart = start + 1;
  return { entry, keyText: { bytes, start: keyStart, end: keyStart + Buffer.byteLength(JSON.stringify(entry.key)) } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function toEntry(row: unknown): IndexEntry | undefined {
  if (!Array.isArray(row) || row.length !== FIELD_COUNT) return undefined;
  const [key, seq, timeMs, offset, sizeBytes, crc] = row as readonly unknown[];
  if (typeof key !== 'string' || !isCount(seq) || !isWhole(timeMs) || !isCount(offset) || !isCount(sizeBytes)) return undefined;
  if (typeof crc !== 'string' || !CRC_FORM.test(crc)) return undefined;
  return { key, seq, timeMs, offset, sizeBytes, crc: Number.parseInt(crc, HEX) };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isCount(value: unknown): value is number {
  return isWhole(value) && value >= 1;
}
