/**
 * The hash of a key: HalfSipHash-1-3 (J.-P. Aumasson and D. J. Bernstein) of its UTF-16 code units, two in a word, with a random secret.
 * Clients choose the keys: without the secret, they could choose a million that collide, and each look-up would walk past all of them.
 */
import { randomBytes } from 'node:crypto';
import type { ByteRange } from '../../base/byte-scan.js';

/** Hashes a key, its text or its bytes if it is ASCII, to an integer from 0, below 2^32. */
export type KeyHash = (key: string | ByteRange) => number;

const SECRET_BYTES = 8;
const V2_START = 0x6c796765;
const V3_START = 0x74656462;
const LAST_ROUNDS = 3;
const LAST_MARK = 0xff;
/** The last word holds the length in bytes in its upper byte. */
const LENGTH_SHIFT = 24;
const UNIT_BITS = 16;
const UNIT_BYTES = 2;
const WORD_BITS = 32;

/** By how many bits a round rotates its words, in the order of its steps. */
const TURN_V1_FIRST = 5;
const TURN_V0 = 16;
const TURN_V3_FIRST = 8;
const TURN_V3_LAST = 7;
const TURN_V1_LAST = 13;
const TURN_V2 = 16;

/**
 * Makes a hash with a secret.
 *
 * @param low the lower word of the secret, an unsigned number of 32 bits
 * @param high the upper word
 */
export function keyHash(low: number, high: number): KeyHash {
  return (key) => {
    let v0 = low | 0;
    let v1 = high | 0;
    let v2 = V2_START ^ low;
    let v3 = V3_START ^ high;
    const length = typeof key === 'string' ? key.length : key.end - key.start;
    const pairsEnd = length - (length % 2);
    // One iteration more than there are pairs takes the rest and the length; the three after it take nothing.
    for (let index = 0, rest = LAST_ROUNDS; ; index += 2) {
      let word = 0;
      if (index < pairsEnd) word = unitAt(key, index) | (unitAt(key, index + 1) << UNIT_BITS);
      else if (index === pairsEnd) word = (length * UNIT_BYTES << LENGTH_SHIFT) | (pairsEnd < length ? unitAt(key, pairsEnd) : 0);
      else if (rest === 0) return (v1 ^ v3) >>> 0;
      else rest -= 1;
      if (index === pairsEnd + 2) v2 ^= LAST_MARK;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, TURN_V1_FIRST) ^ v0;
      v0 = rotate(v0, TURN_V0);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, TURN_V3_FIRST) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, TURN_V3_LAST) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, TURN_V1_LAST) ^ v2;
      v2 = rotate(v2, TURN_V2);
      v0 ^= word;
    }
  };
}

function unitAt(key: string | ByteRange, index: number): number {
  return typeof key === 'string' ? key.charCodeAt(index) : (key.bytes[key.start + index] as number);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (WORD_BITS - bits));
}

/** Makes a hash with a secret of its own. */
export function secretKeyHash(): KeyHash {
  const secret = randomBytes(SECRET_BYTES);
  return keyHash(secret.readUInt32LE(0), secret.readUInt32LE(SECRET_BYTES / 2));
}
