/**
 * Changes of keys, and of ranges of them, as bytes, on their way from the log into a new generation: in memory, in run files, in a
 * merge. Pure.
 *
 * A record is, with its numbers in little-endian order:
 *
 * | offset | size | content |
 * | --- | --- | --- |
 * | 0 | 4 | size of the key in bytes |
 * | 4 | 4 | size of the value in bytes; 0: there is none, since a value has a byte at least |
 * | 8 | 8 | seq, as a double |
 * | 16 | 8 | time in milliseconds since 1970, as a double |
 * | 24 | 8 | expiry in milliseconds since 1970, as a double; infinite: never |
 * | 32 | 4 | tag |
 * | 36 | 4 | 0: a range is deleted; 1: one that has no end; 2: a key is set, or deleted if there is no value; 3: a key is touched |
 * | 40 | | the key, then the value; of a range where it begins, then where it ends |
 *
 * A touch keeps the value that the key has: see `newest-changes.ts`.
 *
 * Only the process that made a record reads it. Records travel in blocks. A record that is larger than a block is a block of its own and
 * lacks its value, which is read only when it is wanted: a merge holds a block of each stream in memory, and must not hold so many large
 * values.
 */
import { compareRanges } from '../../base/byte-scan.js';
import { invariant } from '../../base/invariant.js';
import type { SetBytes } from '../../events/event.js';
import { intervalOf, type KeyRange } from '../../events/key-range.js';
import type { IndexEntry, SnapshotChange } from './snapshot.js';

/** Size of a block in bytes, unless its only record has a larger head. */
export const BLOCK_BYTES = 262_144;

const VALUE_SIZE_AT = 4;
const SEQ_AT = 8;
const TIME_AT = 16;
const EXPIRY_AT = 24;
const TAG_AT = 32;
const KIND_AT = 36;
const KEY_AT = 40;
/** Ranges come first among the changes of a key: they apply to those that they are newer than. */
const RANGE_KIND = 0;
const ENDLESS_KIND = 1;
const KEY_KIND = 2;
const TOUCH_KIND = 3;
const NO_VERSION = { tag: 0, timeMs: 0, expiresAtMs: null };
const BYTE_BITS = 8;
/** What a number counts whose two lower bytes are elsewhere. */
const HALF_WORD = 0x1_00_00;
/** A UTF-16 unit encodes to at most this many bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/** Records, ascending by the bytes of their keys. */
export interface ChangeBlock {
  readonly bytes: Buffer;
  /** Reads the value of the only record, before the next block is taken; undefined: all values are in their records. */
  readonly value: (() => Promise<Buffer>) | undefined;
}

/** The newest change of a key so far. */
export interface KeyChange {
  /** A touch keeps the value that the previous generation has. */
  readonly kind: 'key' | 'touch';
  readonly key: string;
  readonly seq: number;
  /** 0 for a deletion, as the time. */
  readonly tag: number;
  readonly timeMs: number;
  readonly expiresAtMs: number | null;
  /** Undefined: the key is deleted, or touched. */
  readonly value: Buffer | undefined;
}

/** A deletion of a range of keys. */
export interface RangeChange {
  readonly kind: 'range';
  /** The lowest key that there can be in it, or its beginning. */
  readonly key: string;
  readonly seq: number;
  /** Bytes above all keys in it, though no key itself; undefined: it has no end. */
  readonly to: Buffer | undefined;
}

/** Where a record is. */
export interface RecordAt {
  readonly bytes: Buffer;
  /** Where it begins, in bytes. */
  readonly at: number;
}

/** A change of a single key, or of a range. */
export type KeyedChange = Exclude<SnapshotChange, { kind: 'clear' }>;

/** Returns a size in bytes that is enough for the record of a change. */
export function roomFor(change: KeyedChange): number {
  if (change.kind === 'range') return KEY_AT + rangeBytes(change.range);
  if (change.kind === 'set.bytes') return KEY_AT + keyBytesOf(change.bytes) + valueBytesOf(change.bytes);
  return KEY_AT + (change.key.length + valueOf(change).length) * UTF8_BYTES_PER_UNIT;
}

function rangeBytes(range: KeyRange): number {
  const { from, to } = intervalOf(range);
  return from.length + (to?.length ?? 0);
}

function keyBytesOf({ start, end }: SetBytes): number {
  return end - start;
}

function valueBytesOf({ valueStart, valueEnd }: SetBytes): number {
  return valueEnd - valueStart;
}

function valueOf(change: KeyedChange): string {
  return change.kind === 'set' ? change.value : '';
}

/**
 * Writes the record of a change.
 *
 * @param at offset in bytes; from there on, there is {@link roomFor} the change
 * @returns the end of the record
 */
export function writeRecord(change: KeyedChange, into: Buffer, at: number): number {
  if (change.kind === 'range') return writeRange(change, into, at);
  if (change.kind === 'set.bytes') return writeSetBytes(change, into, at);
  const keyBytes = into.write(change.key, at + KEY_AT);
  const valueBytes = into.write(valueOf(change), at + KEY_AT + keyBytes);
  const { tag, timeMs, expiresAtMs } = change.kind === 'delete' ? NO_VERSION : change;
  const kind = change.kind === 'touch' ? TOUCH_KIND : KEY_KIND;
  writeHead({ keyBytes, valueBytes, seq: change.seq, timeMs, expiresAtMs, tag, kind }, into, at);
  return at + KEY_AT + keyBytes + valueBytes;
}

function writeSetBytes({ bytes: from, seq, tag, timeMs }: Extract<KeyedChange, { kind: 'set.bytes' }>, into: Buffer, at: number): number {
  const keyBytes = keyBytesOf(from);
  const valueBytes = valueBytesOf(from);
  from.bytes.copy(into, at + KEY_AT, from.start, from.end);
  from.bytes.copy(into, at + KEY_AT + keyBytes, from.valueStart, from.valueEnd);
  writeHead({ keyBytes, valueBytes, seq, timeMs, expiresAtMs: null, tag, kind: KEY_KIND }, into, at);
  return at + KEY_AT + keyBytes + valueBytes;
}

/** The part of a record before its key. */
interface RecordHead extends Pick<IndexEntry, 'seq' | 'timeMs' | 'expiresAtMs' | 'tag'> {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly kind: number;
}

function writeHead({ keyBytes, valueBytes, seq, timeMs, expiresAtMs, tag, kind }: RecordHead, into: Buffer, at: number): void {
  into.writeUInt32LE(keyBytes, at);
  into.writeUInt32LE(valueBytes, at + VALUE_SIZE_AT);
  into.writeDoubleLE(seq, at + SEQ_AT);
  into.writeDoubleLE(timeMs, at + TIME_AT);
  into.writeDoubleLE(expiresAtMs ?? Infinity, at + EXPIRY_AT);
  into.writeUInt32LE(tag, at + TAG_AT);
  into.writeUInt32LE(kind, at + KIND_AT);
}

function writeRange({ range, seq }: Extract<KeyedChange, { kind: 'range' }>, into: Buffer, at: number): number {
  const { from, to: end } = intervalOf(range);
  const to = end ?? Buffer.alloc(0);
  into.fill(0, at, at + KEY_AT);
  into.writeUInt32LE(from.length, at);
  into.writeUInt32LE(to.length, at + VALUE_SIZE_AT);
  into.writeDoubleLE(seq, at + SEQ_AT);
  into.writeUInt32LE(end === undefined ? ENDLESS_KIND : RANGE_KIND, at + KIND_AT);
  from.copy(into, at + KEY_AT);
  to.copy(into, at + KEY_AT + from.length);
  return at + KEY_AT + from.length + to.length;
}

/** Sorting reads numbers millions of times, and the method of a buffer checks its argument each time. */
function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << BYTE_BITS);
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << BYTE_BITS);
  return low + high * HALF_WORD;
}

function kindOf(bytes: Buffer, at: number): number {
  return wordAt(bytes, at + KIND_AT);
}

function keyEndOf(bytes: Buffer, at: number): number {
  return at + KEY_AT + wordAt(bytes, at);
}

/** Returns the end of a record that has its value. */
export function recordEnd(bytes: Buffer, at: number): number {
  return keyEndOf(bytes, at) + bytes.readUInt32LE(at + VALUE_SIZE_AT);
}

/** Compares the keys of two records by their bytes. Of one key, ranges come first; two of them are equal only with one end. */
export function compareRecords(a: Buffer, aAt: number, b: Buffer, bAt: number): number {
  const aKeyEnd = keyEndOf(a, aAt);
  const bKeyEnd = keyEndOf(b, bAt);
  const order = compareRanges({ bytes: a, start: aAt + KEY_AT, end: aKeyEnd }, { bytes: b, start: bAt + KEY_AT, end: bKeyEnd });
  if (order !== 0) return order;
  const aKind = Math.min(kindOf(a, aAt), KEY_KIND);
  const kinds = aKind - Math.min(kindOf(b, bAt), KEY_KIND);
  if (kinds !== 0 || aKind === KEY_KIND) return kinds;
  return compareRanges({ bytes: a, start: aKeyEnd, end: recordEnd(a, aAt) }, { bytes: b, start: bKeyEnd, end: recordEnd(b, bAt) });
}

/** Tells whether a record is that of a touched key. */
export function isTouch(bytes: Buffer, at: number): boolean {
  return kindOf(bytes, at) === TOUCH_KIND;
}

/**
 * Returns the record of a key with the version and the expiry of a newer touch.
 *
 * @param end of the record, which may lack its value
 */
export function touchedRecord(bytes: Buffer, at: number, end: number, touch: RecordAt): Buffer {
  const isSet = kindOf(bytes, at) === KEY_KIND && bytes.readUInt32LE(at + VALUE_SIZE_AT) > 0;
  invariant(isSet, () => `the key that seq ${touch.bytes.readDoubleLE(touch.at + SEQ_AT)} touches exists`);
  const touched = Buffer.from(bytes.subarray(at, end));
  touch.bytes.copy(touched, SEQ_AT, touch.at + SEQ_AT, touch.at + KIND_AT);
  return touched;
}

/** Decodes a block. */
export async function decodeBlock(block: ChangeBlock): Promise<readonly (KeyChange | RangeChange)[]> {
  const { bytes } = block;
  if (block.value !== undefined) return [decodeRecord(bytes, 0, await block.value())];
  const changes: (KeyChange | RangeChange)[] = [];
  for (let at = 0; at < bytes.length; at = recordEnd(bytes, at)) {
    changes.push(decodeRecord(bytes, at, bytes.subarray(keyEndOf(bytes, at), recordEnd(bytes, at))));
  }
  return changes;
}

function decodeRecord(bytes: Buffer, at: number, value: Buffer): KeyChange | RangeChange {
  const key = bytes.toString('utf8', at + KEY_AT, keyEndOf(bytes, at));
  const seq = bytes.readDoubleLE(at + SEQ_AT);
  const kind = kindOf(bytes, at);
  if (kind < KEY_KIND) return { kind: 'range', key, seq, to: kind === ENDLESS_KIND ? undefined : value };
  const tag = bytes.readUInt32LE(at + TAG_AT);
  const timeMs = bytes.readDoubleLE(at + TIME_AT);
  const expiry = bytes.readDoubleLE(at + EXPIRY_AT);
  const expiresAtMs = expiry === Infinity ? null : expiry;
  return { kind: kind === TOUCH_KIND ? 'touch' : 'key', key, seq, tag, timeMs, expiresAtMs, value: value.length === 0 ? undefined : value };
}

/** Packs copies of records into blocks. */
export class BlockPacker {
  #bytes: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #usedBytes = 0;
  #full: ChangeBlock[] = [];

  /**
   * Adds a record that has its value.
   *
   * @param bytes not changed before the blocks are taken
   */
  add(bytes: Buffer, at: number): void {
    const end = recordEnd(bytes, at);
    if (this.#usedBytes + end - at > BLOCK_BYTES) this.#turnOver();
    if (end - at > BLOCK_BYTES) {
      const keyEnd = keyEndOf(bytes, at);
      this.#full.push({ bytes: bytes.subarray(at, keyEnd), value: () => Promise.resolve(bytes.subarray(keyEnd, end)) });
      return;
    }
    bytes.copy(this.#bytes, this.#usedBytes, at, end);
    this.#usedBytes += end - at;
  }

  /** Adds a block as it is. */
  addBlock(block: ChangeBlock): void {
    this.#turnOver();
    this.#full.push(block);
  }

  #turnOver(): void {
    if (this.#usedBytes === 0) return;
    this.#full.push({ bytes: this.#bytes.subarray(0, this.#usedBytes), value: undefined });
    this.#bytes = Buffer.allocUnsafe(BLOCK_BYTES);
    this.#usedBytes = 0;
  }

  /** Whether there are full blocks. */
  get isFull(): boolean {
    return this.#full.length > 0;
  }

  /** Takes the full blocks. */
  takeFull(): readonly ChangeBlock[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Takes the full blocks and the one that is not full yet. */
  takeAll(): readonly ChangeBlock[] {
    this.#turnOver();
    return this.takeFull();
  }
}
