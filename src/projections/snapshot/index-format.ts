/**
 * The lines of an `.index`, as specified in `docs/snapshot-format.md`. Pure.
 *
 * A line is a JSON array, `["key",seq,timeMs,offset,sizeBytes,"crc","tag",expiresAtMs]`, spelled exactly as `JSON.stringify` does, with
 * null for a key that does not expire. In format 1 it ends after the CRC.
 */
import { type ByteRange, digitAt, endOfPlainText, isAt, textOf } from '../../base/byte-scan.js';
import { HEX_WORD_DIGITS, hexWord, wordInBytes, wordOfText } from '../../base/hex-word.js';
import { versionTag } from '../../events/key-version.js';
import type { IndexEntry, SnapshotFormat, SnapshotManifest } from './snapshot.js';

/** The format of new generations. */
export const SNAPSHOT_FORMAT = 2;

/** Length of the shortest line of any format, with its line feed, in bytes. */
export const INDEX_LINE_BYTES_MIN = '["k",1,0,1,1,"00000000"]\n'.length;

const TEN = 10;
const ZERO = 0x30;
const LINE_FEED = 0x0a;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BRACKET = 0x5d;
/** The fields that each format has. */
const FIELD_COUNTS: Readonly<Record<SnapshotFormat, number>> = { 1: 6, 2: 8 };
const LINE_START = Buffer.from('["');
const AFTER_KEY = Buffer.from('",');
const NO_EXPIRY = Buffer.from('null');
const QUOTES_BYTES = 2;
const NOTHING = Buffer.alloc(0);
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
  const reader = new IndexLineReader(form);
  for (let start = 0; start < bytes.length; start = reader.end) {
    if (!reader.read(bytes, start)) return { faultOffset: start };
    lines.push(reader.toLine());
  }
  return lines;
}

/** A range that moves on from line to line. */
export class MovingRange implements ByteRange {
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;

  move(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  moveTo(bytes: Buffer): void {
    this.move(bytes, 0, bytes.length);
  }
}

/** Reads lines into the same fields, one after another: a start reads millions, and an object for each takes longer than the reading. */
export class IndexLineReader implements Omit<IndexEntry, 'key'> {
  /** The key in UTF-8. */
  readonly key = new MovingRange();
  /** The key as it is spelled in the line, with its quotation marks. */
  readonly keyText = new MovingRange();
  seq = 0;
  tag = 0;
  timeMs = 0;
  expiresAtMs: number | null = null;
  offset = 0;
  sizeBytes = 0;
  crc = 0;
  /** Where the next line begins, in bytes. */
  end = 0;
  readonly #form: IndexForm;
  #at = 0;
  #isUsual = true;

  constructor(form: IndexForm) {
    this.#form = form;
  }

  /** Whether the key has characters that JSON escapes. */
  get isEscaped(): boolean {
    return this.key.end - this.key.start + QUOTES_BYTES < this.keyText.end - this.keyText.start;
  }

  /**
   * Reads a line.
   *
   * @param bytes complete lines, each with its line feed
   * @returns false if it is invalid
   */
  read(bytes: Buffer, start: number): boolean {
    return this.#readByPosition(bytes, start) || this.#readAsJson(bytes, start);
  }

  /** Reads a line whose key has no escapes and whose numbers have no sign; false for others. */
  #readByPosition(bytes: Buffer, start: number): boolean {
    const keyStart = start + LINE_START.length;
    const keyEnd = endOfPlainText(bytes, keyStart, bytes.length);
    this.#isUsual = isAt(bytes, start, LINE_START) && isAt(bytes, keyEnd, AFTER_KEY);
    this.#at = keyEnd + AFTER_KEY.length;
    this.seq = this.#countBeforeComma(bytes);
    this.timeMs = this.#countBeforeComma(bytes);
    this.offset = this.#countBeforeComma(bytes);
    this.sizeBytes = this.#countBeforeComma(bytes);
    this.crc = this.#word(bytes);
    this.tag = this.#form.commonTag;
    this.expiresAtMs = null;
    if (this.#form.format > 1) {
      this.#expect(bytes, COMMA);
      this.tag = this.#word(bytes);
      this.#expect(bytes, COMMA);
      if (isAt(bytes, this.#at, NO_EXPIRY)) this.#at += NO_EXPIRY.length;
      else this.expiresAtMs = this.#count(bytes);
    }
    this.#expect(bytes, BRACKET);
    this.#expect(bytes, LINE_FEED);
    this.key.move(bytes, keyStart, keyEnd);
    this.keyText.move(bytes, keyStart - 1, keyEnd + 1);
    this.end = this.#at;
    return this.#isUsual && this.seq > 0 && this.offset > 0 && this.sizeBytes > 0 && isExpiry(this.expiresAtMs);
  }

  #expect(bytes: Buffer, byte: number): void {
    if (bytes[this.#at] !== byte) this.#isUsual = false;
    this.#at += 1;
  }

  #countBeforeComma(bytes: Buffer): number {
    const count = this.#count(bytes);
    this.#expect(bytes, COMMA);
    return count;
  }

  /** Reads a number as JSON spells a count, which must be exact. */
  #count(bytes: Buffer): number {
    const start = this.#at;
    let at = start;
    let count = 0;
    for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
      count = count * TEN + digit;
      at += 1;
    }
    this.#at = at;
    if (at === start || count > Number.MAX_SAFE_INTEGER || (bytes[start] === ZERO && at > start + 1)) this.#isUsual = false;
    return count;
  }

  #word(bytes: Buffer): number {
    this.#expect(bytes, QUOTE);
    const word = wordInBytes(bytes, this.#at);
    if (word === undefined) this.#isUsual = false;
    this.#at += HEX_WORD_DIGITS;
    this.#expect(bytes, QUOTE);
    return word ?? 0;
  }

  /** Reads any line. */
  #readAsJson(bytes: Buffer, start: number): boolean {
    const end = bytes.indexOf(LINE_FEED, start);
    const text = bytes.toString('utf8', start, Math.max(end, start));
    const row = parse(text);
    // Comparing with the text encoded again excludes blanks, other escapes, `1.0` for `1` and rows that are no arrays of plain values.
    const entry = row === undefined || JSON.stringify(row) !== text ? undefined : toEntry(row, this.#form);
    if (entry === undefined) return false;
    const { key, ...others } = entry;
    const keyBytes = Buffer.from(key);
    Object.assign(this, others);
    this.key.moveTo(keyBytes);
    this.keyText.move(bytes, start + 1, start + 1 + Buffer.byteLength(JSON.stringify(key)));
    this.end = end + 1;
    return true;
  }

  /** Returns the line as an object of its own. */
  toLine(): IndexLine {
    const { seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc, keyText: { bytes, start, end } } = this;
    const entry = { key: textOf(this.key), seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc };
    return { entry, keyText: { bytes, start, end } };
  }
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
