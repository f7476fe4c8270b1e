/**
 * Generated API keys: their format, how they are made, and how a mistyped one is detected without a lookup.
 *
 * A key is `skv_<kind>_<43 characters>_<6 characters>`: 256 random bits and a CRC-32 of everything before the checksum, both in
 * base 62. It consists of `[0-9A-Za-z_]` only, so a double click selects the whole key and no shell or URL needs to quote it.
 * Knows nothing of hashes, files or permissions.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.js';

/** Longest API key, in characters; a longer text is unknown without a lookup. */
export const API_KEY_CHARACTERS_MAX = 512;

/** `listed`: one in the list of a scope, beside its primary key. */
type ApiKeyKind = 'global' | 'project' | 'listed';

/** Prefix of every generated key. */
export const API_KEY_PREFIX = 'skv_';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);

const RANDOM_BYTES = 32;
/** The fewest digits that hold {@link RANDOM_BYTES}: 62^43 > 2^256 > 62^42. */
const RANDOM_DIGITS = 43;
/** The fewest digits that hold 32 bits: 62^6 > 2^32 > 62^5. */
const CHECKSUM_DIGITS = 6;

invariant(BASE ** BigInt(RANDOM_DIGITS) > 2n ** 256n, 'the random part holds 256 bits');
invariant(BASE ** BigInt(CHECKSUM_DIGITS) > 2n ** 32n, 'the checksum holds a CRC-32');

const KIND_LETTERS: Readonly<Record<ApiKeyKind, string>> = { global: 'g', project: 'p', listed: 'k' };
const SHAPE = new RegExp(`^${API_KEY_PREFIX}[gpk]_[0-9A-Za-z]{${RANDOM_DIGITS}}_[0-9A-Za-z]{${CHECKSUM_DIGITS}}$`);

function toDigits(number: bigint, count: number): string {
  let rest = number;
  let text = '';
  for (let digit = 0; digit < count; digit += 1) {
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
 * Generates an API key.
 *
 * @param kind shown in the key for people; the server ignores it
 * @returns 56 characters of `[0-9A-Za-z_]`
 */
export function generateApiKey(kind: ApiKeyKind): string {
  const random = BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
  const body = `${API_KEY_PREFIX}${KIND_LETTERS[kind]}_${toDigits(random, RANDOM_DIGITS)}_`;
  const key = body + checksumOf(body);
  invariant(isGeneratedKey(key), 'a new key is recognised as a generated one');
  return key;
}

/** Tells whether text has the shape of a generated key. If {@link isGeneratedKey} is false for it, it was mistyped. */
export function looksGenerated(text: string): boolean {
  return SHAPE.test(text);
}

/** Tells whether text is an intact generated key, by shape and checksum. It need not grant access to anything. */
export function isGeneratedKey(text: string): boolean {
  if (!looksGenerated(text)) return false;
  const body = text.slice(0, -CHECKSUM_DIGITS);
  return text.slice(-CHECKSUM_DIGITS) === checksumOf(body);
}
