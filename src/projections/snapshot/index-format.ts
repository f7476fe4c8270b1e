/**
 * The lines of an `.index`, as specified in `docs/snapshot-format.md`. Pure.
 *
 * A line is a JSON array, `["key",seq,timeMs,offset,sizeBytes,"crc","tag",expiresAtMs]`, spelled exactly as `JSON.stringify` does, with
 * null for a key that does not expire. In format 1 it ends after the CRC.
 */
import { type ByteRange, countIn, endOfCount, endOfPlainText, isAt } from '../../base/byte-scan.js';
import { HEX_WORD_DIGITS, hexWord, wordInBytes, wordOfText } from '../../base/hex-word.js';
import { versionTag } from '../../events/key-version.js';
import type { IndexEntry, SnapshotFormat, SnapshotManifest } from './snapshot.js';

/** The format of new generations. */
export const SNAPSHOT_FORMAT = 2;

/** Length of the shortest line of any format, with its line feed, in bytes. */
export const INDEX_LINE_BYTES_MIN = '["k",1,0,1,1,"00000000"]\n'.length;

const LINE_FEED = 0x0a;
const COMMA = 0x2c;
/** The fields that each format has. */
const FIELD_COUNTS: Readonly<Record<SnapshotFormat, number>> = { 1: 6, 2: 8 };
const LINE_START = Buffer.from('["');
const AFTER_KEY = Buffer.from('",');
const BEFORE_CRC = Buffer.from(',"');
const BEFORE_TAG = Buffer.from('","');
const AFTER_WORD = Buffer.from('"');
const BEFORE_EXPIRY = Buffer.from('",');
const NO_EXPIRY = Buffer.from('null');
const LINE_END = Buffer.from(']');
/** No text of a time in the log is later. */
const EXPIRY_MAX_MS = Date.UTC(10_000, 0) - 1;

/** How the lines of an index are read: plain data that can be sent to another thread. */
export interface IndexForm {
  readonly format: SnapshotFormat;
  /** The tag of all versions in format 1. */
  readonly commonTag: number;
}

/** Returns the form of a generation's index. */
export function indexFormOf({ format, logId }: Pick<SnapshotManifest, 'format' | 'logId'>): IndexForm {
  return { format, commonTag: versionTag(logId) };
}

/** Encodes a line of the newest format. */
export function encodeIndexLine(entry: IndexEntry): string {
  const { key, seq, tag, timeMs, offset, sizeBytes, crc, expiresAtMs } = entry;
  return `[${JSON.stringify(key)},${seq},${timeMs},${offset},${sizeBytes},"${hexWord(crc)}","${hexWord(tag)}",${expiresAtMs}]\n`;
}

/** A decoded line. */
export interface IndexLine {
  readonly entry: IndexEntry;
  /** The key as it is spelled there, with its quotation marks. */
  readonly keyText: ByteRange;
}

/** A line that cannot be read. */
interface IndexFault {
  /** Where it begins, in bytes. */
  readonly faultOffset: number;
}

/**
 * Decodes complete lines.
 *
 * @param bytes at least one line, each with its line feed
 * @returns the lines, or what is wrong with the first invalid one
 */
export function decodeIndexLines(bytes: Buffer, form: IndexForm): readonly IndexLine[] | IndexFault {
  const lines: IndexLine[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    const line = decodeByPosition(bytes, start, end, form) ?? decodeAsJson(bytes, start, end, form);
    if (line === undefined) return { faultOffset: start };
    lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** Decodes a line whose key has no escapes and whose numbers have no sign and at most 15 digits; undefined for others. */
function decodeByPosition(bytes: Buffer, start: number, end: number, { format, commonTag }: IndexForm): IndexLine | undefined {
  const keyStart = start + LINE_START.length;
  const keyEnd = endOfPlainText(bytes, keyStart, end);
  const seqStart = keyEnd + AFTER_KEY.length;
  const seqEnd = endOfCount(bytes, seqStart);
  const timeEnd = endOfCount(bytes, seqEnd + 1);
  const offsetEnd = endOfCount(bytes, timeEnd + 1);
  const sizeEnd = endOfCount(bytes, offsetEnd + 1);
  const crcStart = sizeEnd + BEFORE_CRC.length;
  const crcEnd = crcStart + HEX_WORD_DIGITS;
  const tagStart = crcEnd + BEFORE_TAG.length;
  const hasTag = format > 1;
  const tagEnd = tagStart + HEX_WORD_DIGITS;
  const expiryStart = tagEnd + BEFORE_EXPIRY.length;
  const expires = hasTag && !isAt(bytes, expiryStart, NO_EXPIRY);
  const expiryEnd = expires ? endOfCount(bytes, expiryStart) : expiryStart + NO_EXPIRY.length;
  const tailStart = hasTag ? expiryEnd : crcEnd + AFTER_WORD.length;
  const areNumbers = seqEnd > seqStart && timeEnd > seqEnd + 1 && offsetEnd > timeEnd + 1 && sizeEnd > offsetEnd + 1;
  if (!areNumbers || expiryEnd === expiryStart || tailStart + LINE_END.length !== end) return undefined;
  if (!isAt(bytes, start, LINE_START) || !isAt(bytes, keyEnd, AFTER_KEY)) return undefined;
  if (bytes[seqEnd] !== COMMA || bytes[timeEnd] !== COMMA || bytes[offsetEnd] !== COMMA) return undefined;
  if (!isAt(bytes, sizeEnd, BEFORE_CRC) || !isAt(bytes, crcEnd, hasTag ? BEFORE_TAG : AFTER_WORD)) return undefined;
  if (!isAt(bytes, tailStart, LINE_END) || (hasTag && !isAt(bytes, tagEnd, BEFORE_EXPIRY))) return undefined;
  const seq = countIn(bytes, seqStart, seqEnd);
  const offset = countIn(bytes, timeEnd + 1, offsetEnd);
  const sizeBytes = countIn(bytes, offsetEnd + 1, sizeEnd);
  const crc = wordInBytes(bytes, crcStart);
  const tag = hasTag ? wordInBytes(bytes, tagStart) : commonTag;
  const expiresAtMs = expires ? countIn(bytes, expiryStart, expiryEnd) : null;
  if (seq === 0 || offset === 0 || sizeBytes === 0 || crc === undefined || tag === undefined || !isExpiry(expiresAtMs)) return undefined;
  const key = bytes.toString('utf8', keyStart, keyEnd);
  const entry = { key, seq, tag, timeMs: countIn(bytes, seqEnd + 1, timeEnd), expiresAtMs, offset, sizeBytes, crc };
  return { entry, keyText: { bytes, start: keyStart - 1, end: keyEnd + 1 } };
}

/** Decodes any line. */
function decodeAsJson(bytes: Buffer, start: number, end: number, form: IndexForm): IndexLine | undefined {
  const text = bytes.toString('utf8', start, end);
  const row = parse(text);
  // Comparing with the text encoded again excludes blanks, other escapes, `1.0` for `1` and rows that are no arrays of plain values.
  const entry = row === undefined || JSON.stringify(row) !== text ? undefined : toEntry(row, form);
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

function toEntry(row: unknown, { format, commonTag }: IndexForm): IndexEntry | undefined {
  if (!Array.isArray(row) || row.length !== FIELD_COUNTS[format]) return undefined;
  const [key, seq, timeMs, offset, sizeBytes, crcText, tagText, expiresAtMs = null] = row as readonly unknown[];
  if (typeof key !== 'string' || !isCount(seq) || !isWhole(timeMs) || !isCount(offset) || !isCount(sizeBytes)) return undefined;
  const crc = wordIn(crcText);
  const tag = format === 1 ? commonTag : wordIn(tagText);
  if (crc === undefined || tag === undefined || !isExpiry(expiresAtMs)) return undefined;
  return { key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc };
}

function wordIn(field: unknown): number | undefined {
  return typeof field === 'string' && field.length === HEX_WORD_DIGITS ? wordOfText(field) : undefined;
}

function isExpiry(value: unknown): value is number | null {
  return value === null || (isWhole(value) && Math.abs(value) <= EXPIRY_MAX_MS);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isCount(value: unknown): value is number {
  return isWhole(value) && value >= 1;
}
