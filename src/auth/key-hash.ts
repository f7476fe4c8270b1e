/**
 * The stored form of API keys.
 *
 * A generated key is random, so one SHA-256 is enough: `sha256:<64 hex>`. A typed key, chosen by a person, can be guessed, so each
 * guess is made expensive: `scrypt:<N>:<r>:<p>:<salt>:<hash>`, salt and hash in base64url. All typed keys of one configuration
 * share a salt, so a presented key costs one derivation however many projects there are.
 */
import { hash, scrypt } from 'node:crypto';
import { isGeneratedKey } from './api-key.js';

/** Scrypt work factors: 32 MiB of memory, and about 0.3 s of one core on a small machine. */
const SCRYPT_COST = 32_768;
const SCRYPT_BLOCK_SIZE = 8;
const SCRYPT_PARALLELIZATION = 3;
/** Memory limit of a derivation; OpenSSL needs slightly more than 128 × N × r = 32 MiB. */
const SCRYPT_MEMORY_BYTES_MAX = 67_108_864;
const SCRYPT_HASH_BYTES = 32;

const SCRYPT_PREFIX = `scrypt:${SCRYPT_COST}:${SCRYPT_BLOCK_SIZE}:${SCRYPT_PARALLELIZATION}:`;
const SHA256_SHAPE = /^sha256:([0-9a-f]{64})$/;
/** 16 bytes of salt and 32 bytes of hash, in base64url without padding. Other work factors are rejected: they could exhaust the machine. */
const SCRYPT_SHAPE = new RegExp(`^${SCRYPT_PREFIX}([0-9A-Za-z_-]{22}):([0-9A-Za-z_-]{43})$`);

/** Hexadecimal digits in the id of an API key. */
const KEY_ID_DIGITS = 16;

type ParsedKeyHash =
  | { readonly scheme: 'sha256'; /** 32 bytes. */ readonly digest: Buffer }
  | { readonly scheme: 'scrypt'; /** 22 characters of base64url. */ readonly salt: string; /** 32 bytes. */ readonly digest: Buffer };

/** Returns the SHA-256 of an API key's UTF-8 bytes: 32 bytes. */
export function digestKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** Hashes a generated key for storage, as `sha256:<64 hex>`. */
export function hashGenerated(key: string): string {
  return `sha256:${digestKey(key).toString('hex')}`;
}

/**
 * Hashes a typed key for storage, as `scrypt:<N>:<r>:<p>:<salt>:<hash>`; takes about 0.3 s and 32 MiB outside the event loop.
 *
 * @param salt 22 characters of base64url, shared by all typed keys of a configuration
 */
export function hashTyped(key: string, salt: string): Promise<string> {
  const options = { N: SCRYPT_COST, r: SCRYPT_BLOCK_SIZE, p: SCRYPT_PARALLELIZATION, maxmem: SCRYPT_MEMORY_BYTES_MAX };
  return new Promise((resolve, reject) => {
    scrypt(key, Buffer.from(salt, 'base64url'), SCRYPT_HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(`${SCRYPT_PREFIX}${salt}:${hash.toString('base64url')}`);
      else reject(error);
    });
  });
}

/** Hashes a key for storage: with {@link hashGenerated} if it is a generated key, otherwise with {@link hashTyped}. */
export async function hashApiKey(key: string, salt: string): Promise<string> {
  return isGeneratedKey(key) ? hashGenerated(key) : hashTyped(key, salt);
}

/** Parses a stored hash; undefined for any other text. */
export function parseKeyHash(text: string): ParsedKeyHash | undefined {
  const sha256 = SHA256_SHAPE.exec(text)?.[1];
  if (sha256 !== undefined) return { scheme: 'sha256', digest: Buffer.from(sha256, 'hex') };
  const [, salt, hash] = SCRYPT_SHAPE.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const digest = Buffer.from(hash, 'base64url');
  // The last base64url character has unused bits. Two spellings of one hash would be two key ids.
  if (digest.toString('base64url') !== hash || Buffer.from(salt, 'base64url').toString('base64url') !== salt) return undefined;
  return { scheme: 'scrypt', salt, digest };
}

/** Returns the id of an API key for logs and events: the first 16 hexadecimal digits of SHA-256 of its stored hash. */
export function keyIdOf(storedHash: string): string {
  return hash('sha256', storedHash, 'hex').slice(0, KEY_ID_DIGITS);
}
