/**
 * CRC-32 (ISO 3309) of short ranges of bytes, of which a start computes millions: a call of the runtime takes longer than a loop over them.
 */
import { crc32 } from 'node:zlib';
import type { ByteRange } from './byte-scan.js';

/** From this length on, the call of the runtime takes less time. */
const LOOPED_BYTES_MAX = 400;
const ASCII_LAST = 0x7f;
const BYTE_MASK = 0xff;
const BYTE_VALUES = 256;
/** By how many bits to shift each of the bytes of a word to its lowest place. */
const SECOND = 8;
const THIRD = 16;
const FOURTH = 24;
/** The reversed polynomial. */
const POLYNOMIAL = 0xedb88320;
const BYTE_BITS = 8;

const T0 = Int32Array.from({ length: BYTE_VALUES }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < BYTE_BITS; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});
/** What a byte adds when one more byte, or up to seven, come after it: eight bytes are looked up at once instead of one after the other. */
const T1 = oneByteLater(T0);
const T2 = oneByteLater(T1);
const T3 = oneByteLater(T2);
const T4 = oneByteLater(T3);
const T5 = oneByteLater(T4);
const T6 = oneByteLater(T5);
const T7 = oneByteLater(T6);
const STEP_BYTES = 8;

function oneByteLater(table: Int32Array): Int32Array {
  return table.map((crc) => (crc >>> BYTE_BITS) ^ (T0[crc & BYTE_MASK] as number));
}

/**
 * Computes the checksum of a range.
 *
 * @param initial the checksum of what precedes it
 * @returns an integer from 0, below 2^32, as `crc32` of `node:zlib` does
 */
export function crcOfRange({ bytes, start, end }: ByteRange, initial = 0): number {
  if (end - start > LOOPED_BYTES_MAX) return crc32(bytes.subarray(start, end), initial);
  let crc = ~initial;
  let at = start;
  for (const last = end - STEP_BYTES; at <= last; at += STEP_BYTES) {
    crc ^= byteAt(bytes, at) | (byteAt(bytes, at + 1) << SECOND) | (byteAt(bytes, at + 2) << THIRD) | (byteAt(bytes, at + 3) << FOURTH);
    crc = (T7[crc & BYTE_MASK] as number) ^ (T6[(crc >>> SECOND) & BYTE_MASK] as number) ^ (T5[(crc >>> THIRD) & BYTE_MASK] as number)
      ^ (T4[crc >>> FOURTH] as number) ^ (T3[byteAt(bytes, at + 4)] as number) ^ (T2[byteAt(bytes, at + 5)] as number)
      ^ (T1[byteAt(bytes, at + 6)] as number) ^ (T0[byteAt(bytes, at + 7)] as number);
  }
  for (; at < end; at += 1) crc = afterByte(crc, byteAt(bytes, at));
  return ~crc >>> 0;
}

/** Computes the checksum of the UTF-8 bytes of a text, as {@link crcOfRange}. */
export function crcOfText(text: string, initial = 0): number {
  const { length } = text;
  if (length > LOOPED_BYTES_MAX) return crc32(text, initial);
  let crc = ~initial;
  for (let index = 0; index < length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > ASCII_LAST) return crc32(text, initial);
    crc = afterByte(crc, unit);
  }
  return ~crc >>> 0;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function afterByte(crc: number, byte: number): number {
  return (crc >>> BYTE_BITS) ^ (T0[(crc ^ byte) & BYTE_MASK] as number);
}
