/**
 * Typed keys that were recognised before, each by a digest that costs no derivation: after a restart such a key does not wait among
 * made-up ones. Knows no file, and not which keys are in force.
 *
 * Two values are kept for each key, both HMAC-SHA-256 under a random pepper:
 *  - its digest covers the key and the salt of all typed keys. The salt stands only in the configuration, so without the configuration
 *    a guess cannot be tried against the digest;
 *  - its binding covers the digest, the scope and the stored hash. A digest is believed only while that very hash is in force: a key
 *    that was replaced opens nothing, and what was written without having read the configuration is not believed.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invariant } from '../base/invariant.js';
import { compileSchema } from '../base/json-schema.js';
import { parseKeyHash } from './key-hash.js';

/** The format that this program writes, and the only one that it reads. */
export const KNOWN_KEYS_FORMAT = 'simplekv-known-keys/1';

const PEPPER_BYTES = 32;
const INDENT_BLANKS = 2;

/** Where a typed key belongs. */
export interface TypedKeyPlace {
  /** What it opens: `global`, or `project:` and the project's id. */
  readonly scope: string;
  /** The text that is stored for it: `scrypt:…`. */
  readonly hash: string;
}

/** Gives the stored text of the key that a scope has now, undefined where it has none. */
export type HashInForce = (scope: string) => string | undefined;

/** What a keyring asks of the memory of typed keys. */
export type TypedKeyMemory = Pick<KnownKeys, 'recall' | 'learn'>;

interface KnownKey {
  readonly scope: string;
  /** 32 bytes. */
  readonly digest: Buffer;
  /** 32 bytes. */
  readonly binding: Buffer;
}

interface KnownKeysDocument {
  readonly format: string;
  readonly pepper: string;
  readonly keys: readonly { readonly scope: string; readonly digest: string; readonly binding: string }[];
}

const BYTES_32 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const KNOWN_KEY = {
  type: 'object',
  properties: { scope: { type: 'string', pattern: '^(?:global|project:[0-9a-z_-]+)$' }, digest: BYTES_32, binding: BYTES_32 },
  required: ['scope', 'digest', 'binding'],
  additionalProperties: false,
};
const checkDocument = compileSchema<KnownKeysDocument>({
  type: 'object',
  properties: { format: { const: KNOWN_KEYS_FORMAT }, pepper: BYTES_32, keys: { type: 'array', items: KNOWN_KEY } },
  required: ['format', 'pepper', 'keys'],
  additionalProperties: false,
});

/** The typed keys that are known, at most one for each scope. */
export class KnownKeys {
  readonly #pepper: Buffer;
  /** By the hexadecimal digest. */
  readonly #keys = new Map<string, KnownKey>();

  /** @param pepper 32 random bytes; new ones where none are given */
  constructor(pepper: Buffer = randomBytes(PEPPER_BYTES)) {
    invariant(pepper.length === PEPPER_BYTES, 'a pepper has 32 bytes');
    this.#pepper = pepper;
  }

  /**
   * Reads what {@link KnownKeys.toText} has written.
   *
   * @returns the keys, undefined for text that is damaged or of another format
   */
  static fromText(text: string): KnownKeys | undefined {
    const result = checkDocument(parseJson(text));
    if (!result.ok) return undefined;
    const { pepper, keys } = result.document;
    const known = new KnownKeys(Buffer.from(pepper, 'hex'));
    for (const { scope, digest, binding } of keys) {
      known.#keys.set(digest, { scope, digest: Buffer.from(digest, 'hex'), binding: Buffer.from(binding, 'hex') });
    }
    return known;
  }

  /**
   * Writes everything down; {@link KnownKeys.fromText} reads it.
   *
   * @returns JSON that ends in a line feed; no key and no stored hash is in it
   */
  toText(): string {
    const keys = [...this.#keys.values()].map(({ scope, digest, binding }) => ({
      scope, digest: digest.toString('hex'), binding: binding.toString('hex'),
    }));
    const document: KnownKeysDocument = { format: KNOWN_KEYS_FORMAT, pepper: this.#pepper.toString('hex'), keys };
    return `${JSON.stringify(document, null, INDENT_BLANKS)}\n`;
  }

  /**
   * Looks up a presented key. An unknown one costs one HMAC.
   *
   * @returns the text in force that a derivation of this key would give, undefined where that is not known
   */
  recall(presented: string, salt: string, hashInForce: HashInForce): string | undefined {
    const digest = this.#digestOf(presented, salt);
    const known = this.#keys.get(digest.toString('hex'));
    if (known === undefined || !timingSafeEqual(known.digest, digest)) return undefined;
    const hash = hashInForce(known.scope);
    return hash !== undefined && this.#isBound(known, hash) ? hash : undefined;
  }

  /**
   * Takes a key in. The caller has compared it with the stored hash.
   *
   * @param place its scope, and the stored text that it was compared with
   * @returns true when it was not known yet
   * @throws {InvariantError} for a hash that is not scrypt's
   */
  learn(key: string, { scope, hash }: TypedKeyPlace): boolean {
    const parsed = parseKeyHash(hash);
    invariant(parsed?.scheme === 'scrypt', 'a typed key is stored with scrypt');
    const digest = this.#digestOf(key, parsed.salt);
    const name = digest.toString('hex');
    const known = this.#keys.get(name);
    if (known?.scope === scope && this.#isBound(known, hash)) return false;
    for (const [other, { scope: itsScope }] of this.#keys) {
      if (itsScope === scope) this.#keys.delete(other);
    }
    this.#keys.set(name, { scope, digest, binding: this.#bind(scope, digest, hash) });
    return true;
  }

  /** Drops every key that is bound to no hash in force. */
  keepBound(hashInForce: HashInForce): void {
    for (const [name, known] of this.#keys) {
      const hash = hashInForce(known.scope);
      if (hash === undefined || !this.#isBound(known, hash)) this.#keys.delete(name);
    }
  }

  #digestOf(key: string, salt: string): Buffer {
    return createHmac('sha256', this.#pepper).update(`digest\n${salt}\n${key}`).digest();
  }

  #bind(scope: string, digest: Buffer, hash: string): Buffer {
    return createHmac('sha256', this.#pepper).update(`binding\n${scope}\n${hash}\n`).update(digest).digest();
  }

  #isBound({ scope, digest, binding }: KnownKey, hash: string): boolean {
    return timingSafeEqual(binding, this.#bind(scope, digest, hash));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
