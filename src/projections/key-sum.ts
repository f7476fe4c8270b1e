/**
 * An order-independent checksum over keys, versions and expiries. A live projection updates it with each change, and a snapshot built from
 * files is compared with it.
 */
import { crc32 } from 'node:zlib';
import type { ByteRange } from '../base/byte-scan.js';
import { crcOfRange, crcOfText } from '../base/crc32.js';
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
  const crc = typeof key === 'string' ? crcOfText(key, initial) : crcOfRange(key, initial);
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
