/**
 * How API keys are stored: as text that does not give the key away.
 *
 * A generated key is random, so one SHA-256 is enough: `sha256:<64 hex>`. A key that a person chose can be guessed, so each
 * guess is made expensive: `scrypt:<N>:<r>:<p>:<salt>:<hash>`, salt and hash in base64url. All chosen keys of one
 * configuration share a salt, so that a presented key costs one derivation however many projects there are.
 * Knows nothing of where hashes are kept.
 */
import { hash, scrypt } from 'node:crypto';
import { isGeneratedKey } from './access-key.js';

/** Work factors of scrypt: 32 MiB of memory, and about 0.3 s of one core on a small machine. */
const SCRYPT_COST = 32_768;
const SCRYPT_BLOCK_SIZE = 8;
const SCRYPT_PARALLELIZATION = 3;
/** What the derivation may use at most; OpenSSL needs a little over 128 × N × r = 32 MiB. */
const SCRYPT_MEMORY_BYTES_MAX = 67_108_864;
const SCRYPT_HASH_BYTES = 32;

const SCRYPT_PREFIX = `scrypt:${SCRYPT_COST}:${SCRYPT_BLOCK_SIZE}:${SCRYPT_PARALLELIZATION}:`;
const SHA256_SHAPE = /^sha256:([0-9a-f]{64})$/;
/** 16 bytes of salt, 32 bytes of hash, in base64url without padding. Other work factors are refused: they could exhaust the machine. */
const SCRYPT_SHAPE = new RegExp(`^${SCRYPT_PREFIX}([0-9A-Za-z_-]{22}):([0-9A-Za-z_-]{43})$`);

/** How many hexadecimal digits make the id of a key. */
const KEY_ID_DIGITS = 16;

/** A stored hash taken apart. */
export type ParsedKeyHash =
  | { readonly scheme: 'sha256'; /** 32 bytes. */ readonly digest: Buffer }
  | { readonly scheme: 'scrypt'; /** 22 characters of base64url. */ readonly salt: string; /** 32 bytes. */ readonly digest: Buffer };

/**
 * Digests a API key as it was presented.
 *
 * @returns 32 bytes: SHA-256 of its UTF-8
 */
export function digestKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/**
 * Hashes a generated key for storing.
 *
 * @param key a key with 256 bits of chance in it
 * @returns `sha256:<64 hex>`
 */
export function hashGenerated(key: string): string {
  return `sha256:${digestKey(key).toString('hex')}`;
}

/**
 * Hashes a chosen key for storing; takes about 0.3 s and 32 MiB outside the event loop.
 *
 * @param salt 22 characters of base64url, the same for all keys of a configuration
 * @returns `scrypt:<N>:<r>:<p>:<salt>:<hash>`
 */
export function hashChosen(key: string, salt: string): Promise<string> {
  const options = { N: SCRYPT_COST, r: SCRYPT_BLOCK_SIZE, p: SCRYPT_PARALLELIZATION, maxmem: SCRYPT_MEMORY_BYTES_MAX };
  return new Promise((resolve, reject) => {
    scrypt(key, Buffer.from(salt, 'base64url'), SCRYPT_HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(`${SCRYPT_PREFIX}${salt}:${hash.toString('base64url')}`);
      else reject(error);
    });
  });
}

/**
 * Hashes a key for storing in the way that fits it.
 *
 * @param salt 22 characters of base64url; not used for a generated key
 * @returns what {@link hashGenerated} gives for a generated key, otherwise what {@link hashChosen} gives
 */
export async function hashAccessKey(key: string, salt: string): Promise<string> {
  return isGeneratedKey(key) ? hashGenerated(key) : hashChosen(key, salt);
}

/**
 * Takes a stored hash apart.
 *
 * @returns its parts, or undefined for text that is no hash of ours
 */
export function parseKeyHash(text: string): ParsedKeyHash | undefined {
  const sha256 = SHA256_SHAPE.exec(text)?.[1];
  if (sha256 !== undefined) return { scheme: 'sha256', digest: Buffer.from(sha256, 'hex') };
  const [, salt, hash] = SCRYPT_SHAPE.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const digest = Buffer.from(hash, 'base64url');
  // The last character of base64url carries bits that decode to nothing: two texts for one hash would be two key ids.
  if (digest.toString('base64url') !== hash || Buffer.from(salt, 'base64url').toString('base64url') !== salt) return undefined;
  return { scheme: 'scrypt', salt, digest };
}

/**
 * Names a key without giving it away, for logs and events.
 *
 * @returns 16 hexadecimal digits: the first of SHA-256 of that text
 */
export function keyIdOf(storedHash: string): string {
  return hash('sha256', storedHash, 'hex').slice(0, KEY_ID_DIGITS);
}
