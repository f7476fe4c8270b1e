/**
 * A sum over keys and their versions that does not depend on their order, so that a live projection can keep it up to date
 * change by change, and a snapshot that was built from files can be compared with it.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.js';

/** The sum is kept below this, so that adding two never loses a digit. */
const SUM_MODULUS = 2 ** 52;
/** A version is folded into what the CRC of its key begins with. */
const CRC_MODULUS = 2 ** 32;

/**
 * What one key adds to the sum.
 *
 * @param seq its version, from 1
 * @returns a whole number from 0, below 2^52
 */
export function keyTerm(key: string, seq: number): number {
  invariant(seq >= 1, 'a version is counted from 1');
  // The version twice: in the CRC, so that two keys cannot swap theirs, and as a factor that reaches beyond its 32 bits.
  return (crc32(key, seq % CRC_MODULUS) * ((seq % TERM_FACTOR_MODULUS) + 1)) % SUM_MODULUS;
}

/** Keeps the product of a CRC and a factor exact: 32 bits and 20 bits are 52. */
const TERM_FACTOR_MODULUS = 2 ** 20 - 1;

/**
 * Adds a key to a sum.
 *
 * @param term what {@link keyTerm} gave
 */
export function addTerm(sum: number, term: number): number {
  return (sum + term) % SUM_MODULUS;
}

/** Takes a key out of a sum. */
export function removeTerm(sum: number, term: number): number {
  return (sum - term + SUM_MODULUS) % SUM_MODULUS;
}
