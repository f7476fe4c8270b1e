/**
 * Memory with records: each is a key with its value, or with the place of its value on disk. Knows no addresses; `record-arena.ts` says
 * which chunk has which record.
 *
 * A record has a text and a head. Texts lie one after the other from the start of the memory, heads from its end. So the texts of keys that
 * were set in their order are one run of bytes, which a listing copies at once.
 *
 * The text is the member of a JSON object in UTF-8, behind a comma: `,"key":value`. The key stands in it as it is, even if JSON escapes one
 * of its characters. For a value on disk, the key is followed by its place in 24 bytes: size and CRC-32 in 4 each, file and offset in 8.
 *
 * The head is two words of 4 bytes. The first is the number of the row. The second is, from its lowest bit: what kind of record it is, in 2
 * bits; the length of the key in bytes less 1, in 10; the offset of the text in 20.
 */
import { type ByteRange, compareRanges, endOfPlainText, isRangeAt } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import { KEY_BYTES_LIMIT } from '../../events/key-name.js';
import type { ValuePlace } from '../value-place.js';
import { allocate } from './allocate.js';
import type { MemberText } from './member-text.js';
import { COLON_BYTES, type EntryBytes, HEAD_BYTES, KEY_AT, PLACE_BYTES } from './record-size.js';
import { copyKey, isAsciiAt, writeKey } from './record-text.js';

/** What a record is made of. */
interface NewRecord {
  readonly row: number;
  readonly key: string;
  readonly value: string | ValuePlace;
}

/** The memory of a chunk with records, which has room for no more: plain data that can be sent to another thread. */
export interface PackedChunk {
  readonly memory: ArrayBuffer;
  readonly count: number;
  /** Where the texts end, in bytes. */
  readonly end: number;
}

const WORD_BYTES = 4;
const WORD_BITS = 32;
const HEAD_WORDS = HEAD_BYTES / WORD_BYTES;
const CRC_AT = 4;
const FILE_AT = 8;
const OFFSET_AT = 16;
const KEY_SHIFT = 2;
const START_SHIFT = 12;
const KIND_MASK = (1 << KEY_SHIFT) - 1;
const KEY_MASK = (1 << (START_SHIFT - KEY_SHIFT)) - 1;
const FORM_MASK = (1 << START_SHIFT) - 1;
/** Offsets from here on do not fit into a head. */
const START_END = 1 << (WORD_BITS - START_SHIFT);
invariant(KEY_BYTES_LIMIT <= KEY_MASK + 1, 'the length of a key fits into its bits');
const ASCII_LAST = 0x7f;
const BYTE_VALUES = 256;
const COMMA = 0x2c;
const QUOTE = 0x22;
const COLON = 0x3a;
const KEY_HEAD_BYTES = 6;

/** A member of a JSON object, all of it ASCII. */
const KIND_ASCII = 0;
/** A member with other characters. */
const KIND_UTF8 = 1;
/** The value is in memory, but JSON escapes a character of the key. */
const KIND_ESCAPED = 2;
/** The value is on disk. */
const KIND_PLACE = 3;

/** The records, by their number: the first has 0. */
export class RecordChunk {
  /** Bytes of the records that are not garbage. */
  live = 0;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  #count: number;
  /** Where the texts end, in bytes. */
  #end: number;

  /** @param content the size of its memory in bytes, or the records that it consists of */
  constructor(content: number | PackedChunk) {
    const { memory, count, end } = typeof content === 'number' ? emptyChunk(content) : content;
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#view = new DataView(memory);
    this.#count = count;
    this.#end = end;
  }

  /** Copies the records to memory that has room for no more. */
  pack(): PackedChunk {
    const packed = emptyChunk(this.used);
    const headWords = this.#count * HEAD_WORDS;
    const words = new Uint32Array(packed.memory);
    words.set(this.#words.subarray(this.#words.length - headWords), words.length - headWords);
    this.#bytes.copy(Buffer.from(packed.memory), 0, 0, this.#end);
    return { memory: packed.memory, count: this.#count, end: this.#end };
  }

  /** Size of the memory in bytes. */
  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** Number of records, with those that are garbage. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of all records. */
  get used(): number {
    return this.#end + this.#count * HEAD_BYTES;
  }

  /** Forgets all records. */
  clear(): void {
    this.#count = 0;
    this.#end = 0;
  }

  /**
   * Adds a record, for which there must be room.
   *
   * @returns its number
   */
  add({ row, key, value }: NewRecord): number {
    const bytes = this.#bytes;
    const start = this.#end;
    const keyStart = start + KEY_AT;
    bytes[start] = COMMA;
    bytes[start + 1] = QUOTE;
    const keyBytes = writeKey(bytes, keyStart, key);
    invariant(keyBytes > 0 && keyBytes <= KEY_MASK + 1, 'the length of a key fits into its bits');
    const keyEnd = keyStart + keyBytes;
    const form = (keyBytes - 1) << KEY_SHIFT;
    if (typeof value !== 'string') {
      this.#writePlace(keyEnd, value);
      return this.#addHead(row, form | KIND_PLACE, keyEnd + PLACE_BYTES);
    }
    bytes[keyEnd] = QUOTE;
    bytes[keyEnd + 1] = COLON;
    const valueStart = keyEnd + COLON_BYTES;
    const valueBytes = bytes.write(value, valueStart);
    const isMember = endOfPlainText(bytes, keyStart, keyEnd) === keyEnd;
    const memberKind = keyBytes === key.length && valueBytes === value.length ? KIND_ASCII : KIND_UTF8;
    return this.#addHead(row, form | (isMember ? memberKind : KIND_ESCAPED), valueStart + valueBytes);
  }

  /**
   * Adds a record from bytes, for which there must be room.
   *
   * @returns its number
   */
  addBytes(row: number, { bytes: source, start, end, valueStart, valueEnd }: EntryBytes): number {
    const bytes = this.#bytes;
    const textStart = this.#end;
    const keyBytes = end - start;
    const keyStart = textStart + KEY_AT;
    const keyEnd = keyStart + keyBytes;
    invariant(keyBytes > 0 && keyBytes <= KEY_MASK + 1, 'the length of a key fits into its bits');
    bytes[textStart] = COMMA;
    bytes[textStart + 1] = QUOTE;
    copyKey(bytes, keyStart, { bytes: source, start, end });
    bytes[keyEnd] = QUOTE;
    bytes[keyEnd + 1] = COLON;
    const textEnd = keyEnd + COLON_BYTES + source.copy(bytes, keyEnd + COLON_BYTES, valueStart, valueEnd);
    const kind = isAsciiAt({ bytes, words: this.#words }, textStart, textEnd) ? KIND_ASCII : KIND_UTF8;
    return this.#addHead(row, ((keyBytes - 1) << KEY_SHIFT) | kind, textEnd);
  }

  /**
   * Adds a record whose key stands before its value in the same bytes, as members of a JSON object do. There must be room for it.
   *
   * @param key its length, and whether key and value are known to be ASCII; JSON spells it as it is
   * @returns its number
   */
  addMember(row: number, value: ByteRange, { keyBytes, isAscii }: { readonly keyBytes: number; readonly isAscii: boolean }): number {
    invariant(keyBytes > 0 && keyBytes <= KEY_MASK + 1, 'the length of a key fits into its bits');
    const bytes = this.#bytes;
    const textStart = this.#end;
    bytes[textStart] = COMMA;
    const memberStart = value.start - COLON_BYTES - keyBytes - 1;
    const textEnd = textStart + 1 + value.bytes.copy(bytes, textStart + 1, memberStart, value.end);
    const kind = isAscii || isAsciiAt({ bytes, words: this.#words }, textStart, textEnd) ? KIND_ASCII : KIND_UTF8;
    return this.#addHead(row, ((keyBytes - 1) << KEY_SHIFT) | kind, textEnd);
  }

  /**
   * Adds a record of another chunk.
   *
   * @returns its number
   */
  addCopy(from: RecordChunk, index: number): number {
    const start = from.#startOf(index);
    const end = from.#endOf(index);
    from.#bytes.copy(this.#bytes, this.#end, start, end);
    return this.#addHead(from.rowOf(index), from.#formOf(index) & FORM_MASK, this.#end + end - start);
  }

  #addHead(row: number, form: number, end: number): number {
    const index = this.#count;
    invariant(this.#end < START_END, 'the offset of a text fits into its bits');
    const word = this.#words.length - (index + 1) * HEAD_WORDS;
    this.#words[word] = row;
    this.#words[word + 1] = (this.#end << START_SHIFT) | form;
    this.#count += 1;
    this.#end = end;
    return index;
  }

  #formOf(index: number): number {
    return this.#words[this.#words.length - index * HEAD_WORDS - 1] as number;
  }

  #kindOf(index: number): number {
    return this.#formOf(index) & KIND_MASK;
  }

  #startOf(index: number): number {
    return this.#formOf(index) >>> START_SHIFT;
  }

  #endOf(index: number): number {
    return index + 1 < this.#count ? this.#startOf(index + 1) : this.#end;
  }

  #keyOf(index: number): ByteRange {
    const form = this.#formOf(index);
    const start = (form >>> START_SHIFT) + KEY_AT;
    return { bytes: this.#bytes, start, end: start + keyBytesOf(form) };
  }

  /** Bytes of a record, with its head. */
  sizeOf(index: number): number {
    return HEAD_BYTES + this.#endOf(index) - this.#startOf(index);
  }

  /** Number of the row of a record. */
  rowOf(index: number): number {
    return this.#words[this.#words.length - (index + 1) * HEAD_WORDS] as number;
  }

  /** Sets the number of the row of a record. */
  setRow(index: number, row: number): void {
    this.#words[this.#words.length - (index + 1) * HEAD_WORDS] = row;
  }

  /** Returns the key of a record as `key-hash.ts` takes it: its bytes if it is known to be ASCII, otherwise its text. */
  hashedKeyOf(index: number): string | ByteRange {
    return this.#kindOf(index) === KIND_ASCII ? this.#keyOf(index) : this.keyOf(index);
  }

  /** Returns the key of a record. */
  keyOf(index: number): string {
    const { bytes, start, end } = this.#keyOf(index);
    return bytes.toString(this.#kindOf(index) === KIND_ASCII ? 'latin1' : 'utf8', start, end);
  }

  /** Returns the bytes of a key in the chunk itself; they are valid until something changes. */
  keyBytesOf(index: number): Uint8Array {
    const { bytes, start, end } = this.#keyOf(index);
    return bytes.subarray(start, end);
  }

  /**
   * Tells whether a record has this key.
   *
   * @param key its text, or its bytes in UTF-8
   */
  hasKey(index: number, key: string | ByteRange): boolean {
    const { bytes, start, end } = this.#keyOf(index);
    if (typeof key !== 'string') return key.end - key.start === end - start && isRangeAt(bytes, start, key);
    if (key.length > end - start) return false;
    for (let at = 0; at < key.length; at += 1) {
      const unit = key.charCodeAt(at);
      if (unit > ASCII_LAST) return this.keyOf(index) === key;
      if (bytes[start + at] !== unit) return false;
    }
    return key.length === end - start;
  }

  /** Compares the key of a record with a key in UTF-8, for sorting. */
  compareKey(index: number, key: Buffer): number {
    return compareRanges(this.#keyOf(index), { bytes: key, start: 0, end: key.length });
  }

  /** Compares the keys of two records, for sorting. */
  compareKeys(index: number, other: RecordChunk, otherIndex: number): number {
    return compareRanges(this.#keyOf(index), other.#keyOf(otherIndex));
  }

  /** Number of bytes at their start that a key and others have in common. */
  sharedKeyBytes(index: number, others: Uint8Array): number {
    const { bytes, start, end } = this.#keyOf(index);
    const most = Math.min(others.length, end - start);
    let shared = 0;
    while (shared < most && bytes[start + shared] === others[shared]) shared += 1;
    return shared;
  }

  /** The six bytes of a key behind so many others, as an integer. Bytes behind its end count as 0. */
  keyHeadOf(index: number, skippedBytes: number): number {
    const { bytes, start, end } = this.#keyOf(index);
    const first = start + skippedBytes;
    let head = 0;
    for (let at = first; at < first + KEY_HEAD_BYTES; at += 1) head = head * BYTE_VALUES + (at < end ? (bytes[at] as number) : 0);
    return head;
  }

  /** Tells whether the value of a record is on disk. */
  isPlaced(index: number): boolean {
    return this.#kindOf(index) === KIND_PLACE;
  }

  /** Returns the length of a key in bytes. */
  keySizeOf(index: number): number {
    return keyBytesOf(this.#formOf(index));
  }

  /** Returns the length of a value in bytes, in memory or on disk. */
  valueBytesOf(index: number): number {
    const { end } = this.#keyOf(index);
    return this.isPlaced(index) ? this.#view.getUint32(end) : this.#endOf(index) - end - COLON_BYTES;
  }

  /** Returns the value of a record, or its place on disk. */
  valueOf(index: number): string | ValuePlace {
    const { bytes, end } = this.#keyOf(index);
    const kind = this.#kindOf(index);
    if (kind !== KIND_PLACE) return bytes.toString(kind === KIND_ASCII ? 'latin1' : 'utf8', end + COLON_BYTES, this.#endOf(index));
    const view = this.#view;
    const [file, offset] = [view.getFloat64(end + FILE_AT), view.getFloat64(end + OFFSET_AT)];
    return { file, offset, sizeBytes: view.getUint32(end), crc: view.getUint32(end + CRC_AT) };
  }

  /** Replaces the place of a value, in a record that has one. */
  setPlace(index: number, place: ValuePlace): void {
    this.#writePlace(this.#keyOf(index).end, place);
  }

  #writePlace(at: number, { file, offset, sizeBytes, crc }: ValuePlace): void {
    this.#view.setUint32(at, sizeBytes);
    this.#view.setUint32(at + CRC_AT, crc);
    this.#view.setFloat64(at + FILE_AT, file);
    this.#view.setFloat64(at + OFFSET_AT, offset);
  }

  /**
   * Adds records to a text of members, one after another.
   *
   * @returns false at one whose value is on disk or does not fit; it and those behind it are not added
   */
  addMembers(first: number, count: number, text: MemberText): boolean {
    const bytes = this.#bytes;
    let added = this.#startOf(first);
    let start = added;
    for (let index = first; index < first + count; index += 1) {
      const form = this.#formOf(index);
      const end = this.#endOf(index);
      const valueStart = start + KEY_AT + keyBytesOf(form) + COLON_BYTES;
      const kind = form & KIND_MASK;
      if (kind === KIND_PLACE || !text.take(end - valueStart)) {
        text.add({ bytes, start: added, end: start });
        return false;
      }
      if (kind === KIND_ESCAPED) {
        const key = Buffer.from(`,${JSON.stringify(this.keyOf(index))}:`);
        text.add({ bytes, start: added, end: start });
        text.add({ bytes: key, start: 0, end: key.length });
        added = valueStart;
      }
      start = end;
    }
    text.add({ bytes, start: added, end: start });
    return true;
  }
}

function emptyChunk(sizeBytes: number): PackedChunk {
  return { memory: allocate(Math.ceil(sizeBytes / WORD_BYTES) * WORD_BYTES), count: 0, end: 0 };
}

function keyBytesOf(form: number): number {
  return ((form >>> KEY_SHIFT) & KEY_MASK) + 1;
}
