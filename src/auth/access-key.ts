/**
 * Generated API keys: their shape, how they are made, how a typing error is distinguished from a wrong key without a lookup.
 *
 * A key is `skv_<kind>_<43 characters>_<6 characters>`: 256 random bits and a CRC-32 of everything before the tail, both as
 * digits of base 62. Only `[0-9A-Za-z_]` occur, so that a double click selects the whole key and no shell or URL changes it.
 * Knows nothing of hashes, files or who may do what.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.js';

/** What a generated key opens: everything, or one project. */
export type AccessKeyKind = 'global' | 'project';

/** How every generated key begins. */
export const ACCESS_KEY_PREFIX = 'skv_';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);

/** How much chance is in a key, in bytes. */
const RANDOM_BYTES = 32;
/** The smallest count of digits that holds {@link RANDOM_BYTES}: 62^43 > 2^256 > 62^42. */
const RANDOM_DIGITS = 43;
/** The smallest count of digits that holds 32 bits: 62^6 > 2^32 > 62^5. */
const CHECKSUM_DIGITS = 6;

invariant(BASE ** BigInt(RANDOM_DIGITS) > 2n ** 256n, 'the random part holds 256 bits');
invariant(BASE ** BigInt(CHECKSUM_DIGITS) > 2n ** 32n, 'the tail holds a CRC-32');

const KIND_LETTERS: Readonly<Record<AccessKeyKind, string>> = { global: 'g', project: 'p' };
const SHAPE = new RegExp(`^${ACCESS_KEY_PREFIX}[gp]_[0-9A-Za-z]{${RANDOM_DIGITS}}_[0-9A-Za-z]{${CHECKSUM_DIGITS}}$`);

function toDigits(number: bigint, count: number): string {
  let rest = number;
  let text = '';
  for (let place = 0; place < count; place += 1) {
    text = DIGITS.charAt(Number(rest % BASE)) + text;
    rest /= BASE;
  }
  invariant(rest === 0n, 'the number fits its digits');
  return text;
}

function checksumOf(text: string): string {
  return toDigits(BigInt(crc32(text)), CHECKSUM_DIGITS);
}

/**
 * Makes a new API key from 256 random bits.
 *
 * @param kind what the key will open; it shows in the key, and means nothing to the server
 * @returns 56 characters of `[0-9A-Za-z_]`
 */
export function generateAccessKey(kind: AccessKeyKind): string {
  const random = BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
  const body = `${ACCESS_KEY_PREFIX}${KIND_LETTERS[kind]}_${toDigits(random, RANDOM_DIGITS)}_`;
  const key = body + checksumOf(body);
  invariant(isGeneratedKey(key), 'a new key is recognised as one');
  return key;
}

/**
 * Tells whether text has the shape of a generated key, whatever its checksum.
 *
 * @returns true for the shape; with {@link isGeneratedKey} false it is a generated key that was changed in copying
 */
export function looksGenerated(text: string): boolean {
  return SHAPE.test(text);
}

/**
 * Tells whether text is a generated key, whole and unchanged; says nothing of whether it opens anything.
 *
 * @returns true when shape and checksum fit
 */
export function isGeneratedKey(text: string): boolean {
  if (!looksGenerated(text)) return false;
  const body = text.slice(0, -CHECKSUM_DIGITS);
  return text.slice(-CHECKSUM_DIGITS) === checksumOf(body);
}
