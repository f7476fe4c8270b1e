/**
 * Sizes of the records in `record-chunk.ts`, which describes them, in bytes and with their heads.
 */
import type { ByteRange } from '../../base/byte-scan.js';
import type { ValuePlace } from '../value-place.js';

/** A key in ASCII that JSON spells as it is, with a value in UTF-8 in the same buffer. */
export interface EntryBytes extends ByteRange {
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Size of a head. */
export const HEAD_BYTES = 8;
/** The bytes of the text before the key. */
export const KEY_AT = 2;
/** The bytes of the text between the key and a value in memory. */
export const COLON_BYTES = 2;
/** The bytes of a place. */
export const PLACE_BYTES = 24;
/** Bytes of a record with a value in memory besides key and value. */
export const FRAME_BYTES = HEAD_BYTES + KEY_AT + COLON_BYTES;
/** A UTF-16 unit takes no more bytes than this in UTF-8. */
const UNIT_BYTES_MAX = 3;

/** Returns a size that a record does not exceed, without looking at its text. */
export function mostRecordBytes(key: string, value: string | ValuePlace): number {
  const units = key.length + (typeof value === 'string' ? value.length : 0);
  return HEAD_BYTES + KEY_AT + PLACE_BYTES + units * UNIT_BYTES_MAX;
}

/** Returns the size of a record. */
export function recordBytes(key: string, value: string | ValuePlace): number {
  const valueBytes = typeof value === 'string' ? COLON_BYTES + Buffer.byteLength(value) : PLACE_BYTES;
  return HEAD_BYTES + KEY_AT + Buffer.byteLength(key) + valueBytes;
}

/** Returns the size of the record of a key and a value in bytes. */
export function entryRecordBytes({ start, end, valueStart, valueEnd }: EntryBytes): number {
  return FRAME_BYTES + end - start + valueEnd - valueStart;
}

/** Returns the size of the record of a key of so many bytes and a value in memory. */
export function memberRecordBytes({ start, end }: ByteRange, keyBytes: number): number {
  return FRAME_BYTES + keyBytes + end - start;
}
