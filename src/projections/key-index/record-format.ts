/**
 * The layout of a record: a key with its value, or with the place of its value on disk. Pure; `record-arena.ts` says where records lie.
 *
 * A record is, in words of 4 bytes:
 *
 * - the number of its row;
 * - the length of the key in bytes; in the upper half how it holds key and value;
 * - the length of the value in bytes;
 * - for a value on disk: CRC-32, file and offset of its place, the last two in 8 bytes each;
 * - the bytes of the key, the bytes of a value in memory, and up to 3 bytes to the next word.
 */
import { type ByteRange, compareRanges, endOfPlainText } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { ValuePlace } from '../value-place.js';

/** What a record is made of. */
interface NewRecord {
  readonly row: number;
  readonly key: string;
  readonly value: string | ValuePlace;
}

/** Memory with records; both views are of the same bytes. */
export interface RecordBuffer {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
}

const WORD_BYTES = 4;
const FORM_WORD = 1;
const VALUE_BYTES_WORD = 2;
const HEAD_WORDS = 3;
const CRC_WORD = 3;
const FILE_WORD = 4;
const OFFSET_WORD = 6;
const PLACE_WORDS = 5;
const KEY_BYTES_MASK = 0xffff;
const KIND_SHIFT = 16;
const KIND_MASK = 3;
const ASCII_KEY_FLAG = 1 << 18;
/** A UTF-16 unit takes no more bytes than this in UTF-8. */
const UNIT_BYTES_MAX = 3;
/** Keys up to this length are copied without a call of the runtime, which costs more than the loop. */
const COPIED_UNITS_MAX = 48;
const ASCII_LAST = 0x7f;
const BYTE_VALUES = 256;
const COMMA = 0x2c;
const QUOTE = 0x22;
const COLON = 0x3a;
const QUOTES_BYTES = 2;
const HEAD_BYTES = 6;

/** How a record holds its value: as ASCII, as other UTF-8, or as the place on disk. */
const KIND_ASCII = 0;
const KIND_UTF8 = 1;
const KIND_PLACE = 2;

const wide = new Float64Array(1);
const wideWords = new Uint32Array(wide.buffer);

/** Returns a size in bytes that a record does not exceed, without looking at its text. */
export function mostRecordBytes(key: string, value: string | ValuePlace): number {
  const headWords = HEAD_WORDS + PLACE_WORDS + 1;
  return headWords * WORD_BYTES + (key.length + (typeof value === 'string' ? value.length : 0)) * UNIT_BYTES_MAX;
}

/** Returns the size of a record in bytes. */
export function recordBytes(key: string, value: string | ValuePlace): number {
  if (typeof value !== 'string') return wholeWords((HEAD_WORDS + PLACE_WORDS) * WORD_BYTES + Buffer.byteLength(key));
  return wholeWords(HEAD_WORDS * WORD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value));
}

/**
 * Writes a record.
 *
 * @param offset in bytes, at a whole word
 * @returns its size in bytes
 */
export function putRecord(buffer: RecordBuffer, offset: number, { row, key, value }: NewRecord): number {
  const { bytes, words } = buffer;
  const isText = typeof value === 'string';
  const keyStart = offset + (isText ? HEAD_WORDS : HEAD_WORDS + PLACE_WORDS) * WORD_BYTES;
  const keyBytes = writeKey(bytes, keyStart, key);
  invariant(keyBytes <= KEY_BYTES_MASK, 'the length of a key fits into its field');
  let end = keyStart + keyBytes;
  let kind = KIND_PLACE;
  const word = offset / WORD_BYTES;
  if (isText) {
    const valueBytes = bytes.write(value, end);
    words[word + VALUE_BYTES_WORD] = valueBytes;
    kind = valueBytes === value.length ? KIND_ASCII : KIND_UTF8;
    end += valueBytes;
  } else {
    writePlace(buffer, offset, value);
  }
  words[word] = row;
  words[word + FORM_WORD] = keyBytes | (kind << KIND_SHIFT) | (keyBytes === key.length ? ASCII_KEY_FLAG : 0);
  return wholeWords(end - offset);
}

/** Writes a key and returns its length in bytes. */
function writeKey(bytes: Buffer, start: number, key: string): number {
  const { length } = key;
  if (length > COPIED_UNITS_MAX) return bytes.write(key, start);
  for (let index = 0; index < length; index += 1) {
    const unit = key.charCodeAt(index);
    if (unit > ASCII_LAST) return bytes.write(key, start);
    bytes[start + index] = unit;
  }
  return length;
}

/** Replaces the place of a value, in a record that has one. */
export function writePlace({ words }: RecordBuffer, offset: number, { file, offset: inFile, sizeBytes, crc }: ValuePlace): void {
  const word = offset / WORD_BYTES;
  words[word + VALUE_BYTES_WORD] = sizeBytes;
  words[word + CRC_WORD] = crc;
  writeWide(words, word + FILE_WORD, file);
  writeWide(words, word + OFFSET_WORD, inFile);
}

/** Returns the size of the record at an offset, in bytes. */
export function readRecordBytes({ words }: RecordBuffer, offset: number): number {
  const word = offset / WORD_BYTES;
  const form = words[word + FORM_WORD] as number;
  const keyEnd = keyStartOf(form, 0) + (form & KEY_BYTES_MASK);
  return wholeWords(isPlacedForm(form) ? keyEnd : keyEnd + (words[word + VALUE_BYTES_WORD] as number));
}

/** Returns the number of the row of a record. */
export function readRow({ words }: RecordBuffer, offset: number): number {
  return words[offset / WORD_BYTES] as number;
}

/** Returns the key of a record. */
export function readKey({ bytes, words }: RecordBuffer, offset: number): string {
  const form = words[offset / WORD_BYTES + FORM_WORD] as number;
  const start = keyStartOf(form, offset);
  return bytes.toString((form & ASCII_KEY_FLAG) === 0 ? 'utf8' : 'latin1', start, start + (form & KEY_BYTES_MASK));
}

/** Returns the UTF-8 bytes of a key, as a view of the buffer. */
export function readKeyBytes(buffer: RecordBuffer, offset: number): Uint8Array {
  const { bytes, start, end } = keyRange(buffer, offset);
  return bytes.subarray(start, end);
}

/** Returns the size of the member of a JSON object with a record, whose value is in memory, and a comma, in bytes. */
export function memberBytes(buffer: RecordBuffer, offset: number): number {
  const { start, end } = keyRange(buffer, offset);
  const keyBytes = isKeyPlain(buffer, offset) ? end - start + QUOTES_BYTES : Buffer.byteLength(JSON.stringify(readKey(buffer, offset)));
  return 1 + keyBytes + 1 + readValueLength(buffer, offset);
}

/** Whether a key is the same in JSON, between quotes. */
function isKeyPlain(buffer: RecordBuffer, offset: number): boolean {
  const { bytes, start, end } = keyRange(buffer, offset);
  return endOfPlainText(bytes, start, end) === end;
}

/**
 * Writes the member of a JSON object with a record, whose value is in memory, behind a comma.
 *
 * @returns where it ends
 */
export function putMember(buffer: RecordBuffer, offset: number, target: Buffer, targetStart: number): number {
  const { bytes, start, end } = keyRange(buffer, offset);
  let at = targetStart;
  target[at] = COMMA;
  at += 1;
  if (isKeyPlain(buffer, offset)) {
    target[at] = QUOTE;
    at += 1;
    for (let index = start; index < end; index += 1, at += 1) target[at] = bytes[index] as number;
    target[at] = QUOTE;
    at += 1;
  } else {
    at += target.write(JSON.stringify(readKey(buffer, offset)), at);
  }
  target[at] = COLON;
  at += 1;
  return at + bytes.copy(target, at, end, end + readValueLength(buffer, offset));
}

/** Tells whether a record has this key. */
export function hasKey(buffer: RecordBuffer, offset: number, key: string): boolean {
  const form = buffer.words[offset / WORD_BYTES + FORM_WORD] as number;
  if ((form & ASCII_KEY_FLAG) === 0) return readKey(buffer, offset) === key;
  const { bytes } = buffer;
  const keyBytes = form & KEY_BYTES_MASK;
  if (keyBytes !== key.length) return false;
  const start = keyStartOf(form, offset);
  for (let index = 0; index < keyBytes; index += 1) {
    if (bytes[start + index] !== key.charCodeAt(index)) return false;
  }
  return true;
}

function keyRange({ bytes, words }: RecordBuffer, offset: number): ByteRange {
  const form = words[offset / WORD_BYTES + FORM_WORD] as number;
  const start = keyStartOf(form, offset);
  return { bytes, start, end: start + (form & KEY_BYTES_MASK) };
}

/** Compares the key of a record with a key in UTF-8, for sorting. */
export function compareKey(buffer: RecordBuffer, offset: number, key: Buffer): number {
  return compareRanges(keyRange(buffer, offset), { bytes: key, start: 0, end: key.length });
}

/** Compares the keys of two records, for sorting. */
export function compareKeys(buffer: RecordBuffer, offset: number, other: RecordBuffer, otherOffset: number): number {
  return compareRanges(keyRange(buffer, offset), keyRange(other, otherOffset));
}

/** Number of bytes at their start that a key and others have in common. */
export function sharedKeyBytes(buffer: RecordBuffer, offset: number, others: Uint8Array): number {
  const { bytes, start, end } = keyRange(buffer, offset);
  const most = Math.min(others.length, end - start);
  let shared = 0;
  while (shared < most && bytes[start + shared] === others[shared]) shared += 1;
  return shared;
}

/** The six bytes of a key behind so many others, as an integer. Bytes behind its end count as 0. */
export function readKeyHead(buffer: RecordBuffer, offset: number, skippedBytes: number): number {
  const { bytes, start, end } = keyRange(buffer, offset);
  const first = start + skippedBytes;
  let head = 0;
  for (let at = first; at < first + HEAD_BYTES; at += 1) head = head * BYTE_VALUES + (at < end ? (bytes[at] as number) : 0);
  return head;
}

/** Tells whether the value of a record is on disk. */
export function isPlaced({ words }: RecordBuffer, offset: number): boolean {
  return isPlacedForm(words[offset / WORD_BYTES + FORM_WORD] as number);
}

/** Returns the length of a value in bytes, in memory or on disk. */
export function readValueLength({ words }: RecordBuffer, offset: number): number {
  return words[offset / WORD_BYTES + VALUE_BYTES_WORD] as number;
}

/** Returns the value of a record, or its place on disk. */
export function readValueOrPlace({ bytes, words }: RecordBuffer, offset: number): string | ValuePlace {
  const word = offset / WORD_BYTES;
  const form = words[word + FORM_WORD] as number;
  const sizeBytes = words[word + VALUE_BYTES_WORD] as number;
  if (isPlacedForm(form)) {
    const crc = words[word + CRC_WORD] as number;
    return { file: readWide(words, word + FILE_WORD), offset: readWide(words, word + OFFSET_WORD), sizeBytes, crc };
  }
  const start = keyStartOf(form, offset) + (form & KEY_BYTES_MASK);
  const isAscii = ((form >>> KIND_SHIFT) & KIND_MASK) === KIND_ASCII;
  return bytes.toString(isAscii ? 'latin1' : 'utf8', start, start + sizeBytes);
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
}

function isPlacedForm(form: number): boolean {
  return ((form >>> KIND_SHIFT) & KIND_MASK) === KIND_PLACE;
}

function keyStartOf(form: number, offset: number): number {
  return offset + (isPlacedForm(form) ? HEAD_WORDS + PLACE_WORDS : HEAD_WORDS) * WORD_BYTES;
}

function writeWide(words: Uint32Array, at: number, value: number): void {
  wide[0] = value;
  words[at] = wideWords[0] as number;
  words[at + 1] = wideWords[1] as number;
}

function readWide(words: Uint32Array, at: number): number {
  wideWords[0] = words[at] as number;
  wideWords[1] = words[at + 1] as number;
  return wide[0] as number;
}
