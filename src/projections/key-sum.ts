/**
 * An order-independent checksum over keys, versions and expiries. A live projection updates it with each change, and a snapshot built from
 * files is compared with it.
 */
import { crc32 } from 'node:zlib';
import type { ByteRange } from '../base/byte-scan.js';
import { invariant } from '../base/invariant.js';

/** Sums stay below this, so that adding two is exact. */
const SUM_MODULUS = 2 ** 52;
/** Versions are reduced to 32 bits as the initial value of the CRC of their key. */
const CRC_MODULUS = 2 ** 32;

/**
 * Computes the term of one key.
 *
 * @param key its text, or its bytes in UTF-8
 * @param seq its version, from 1
 * @param expiresAtMs when it expires, in milliseconds since 1970; null for never
 * @returns an integer from 0, below 2^52
 */
export function keyTerm(key: string | ByteRange, seq: number, expiresAtMs: number | null): number {
  invariant(seq >= 1, 'a version is counted from 1');
  // The version counts twice: in the CRC, so that two keys cannot swap versions, and as a factor that reaches beyond its 32 bits.
  const initial = seq % CRC_MODULUS;
  const crc = typeof key === 'string' ? textCrc(key, initial) : bytesCrc(key, initial);
  return ((expiresAtMs === null ? crc : expiryCrc(expiresAtMs, crc)) * ((seq % TERM_FACTOR_MODULUS) + 1)) % SUM_MODULUS;
}

const expiryBytes = Buffer.alloc(Float64Array.BYTES_PER_ELEMENT);

/** Goes on over the expiry as a big-endian integer of 8 bytes. */
function expiryCrc(expiresAtMs: number, initial: number): number {
  const upper = Math.floor(expiresAtMs / CRC_MODULUS);
  expiryBytes.writeInt32BE(upper);
  expiryBytes.writeUInt32BE(expiresAtMs - upper * CRC_MODULUS, Uint32Array.BYTES_PER_ELEMENT);
  return crc32(expiryBytes, initial);
}

/** Keys up to this length, in bytes or UTF-16 units, are summed without a call of the runtime, which costs more than the loop. */
const LOOPED_LENGTH_MAX = 48;
const ASCII_LAST = 0x7f;
const BYTE_MASK = 0xff;
const BYTE_BITS = 8;
const BYTE_VALUES = 256;
/** The reversed polynomial of CRC-32 (ISO 3309). */
const POLYNOMIAL = 0xedb88320;
const TABLE = Uint32Array.from({ length: BYTE_VALUES }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < BYTE_BITS; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});

/** CRC-32 of the UTF-8 bytes of a key, as of `node:zlib`. */
function textCrc(key: string, initial: number): number {
  const { length } = key;
  if (length > LOOPED_LENGTH_MAX) return crc32(key, initial);
  let crc = ~initial;
  for (let index = 0; index < length; index += 1) {
    const unit = key.charCodeAt(index);
    if (unit > ASCII_LAST) return crc32(key, initial);
    crc = (crc >>> BYTE_BITS) ^ (TABLE[(crc ^ unit) & BYTE_MASK] as number);
  }
  return ~crc >>> 0;
}

function bytesCrc({ bytes, start, end }: ByteRange, initial: number): number {
  if (end - start > LOOPED_LENGTH_MAX) return crc32(bytes.subarray(start, end), initial);
  let crc = ~initial;
  for (let at = start; at < end; at += 1) crc = (crc >>> BYTE_BITS) ^ (TABLE[(crc ^ (bytes[at] as number)) & BYTE_MASK] as number);
  return ~crc >>> 0;
}

/** Keeps the product of a CRC and a factor exact: 32 bits and 20 bits are 52. */
const TERM_FACTOR_MODULUS = 2 ** 20 - 1;

/** Adds the {@link keyTerm} of a key to a sum. */
export function addTerm(sum: number, term: number): number {
  return (sum + term) % SUM_MODULUS;
}

/** Subtracts the term of a key from a sum. */
export function removeTerm(sum: number, term: number): number {
  return (sum - term + SUM_MODULUS) % SUM_MODULUS;
}
