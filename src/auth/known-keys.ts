/**
 * The typed keys recognised earlier, each by a digest that costs no derivation: after a restart such a key does not queue among made-up
 * ones. Knows no file, and not which keys are current.
 *
 * Each key has two values, both HMAC-SHA-256 under a random pepper:
 *  - The digest covers the key and the salt of all typed keys. The salt is only in the configuration, so a guess cannot be tested
 *    against the digest without it.
 *  - The binding covers the digest, the scope and the stored hash. A digest is trusted only while exactly that hash is current: a
 *    replaced key opens nothing, and an entry forged without the configuration is not trusted.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { invariant } from '../base/invariant.js';
import { compileSchema } from '../base/json-schema.js';
import { parseKeyHash } from './key-hash.js';

/** The only format that is written and read. */
export const KNOWN_KEYS_FORMAT = 'simplekv-known-keys/1';

const PEPPER_BYTES = 32;
const INDENT_BLANKS = 2;

/** The stored hash of a typed key, and the scope that has it. */
export interface ScopedHash {
  /** `global`, or `project:` and the project's id; for a listed key, followed by `#` and the id of the key. */
  readonly scope: string;
  /** `scrypt:…` */
  readonly hash: string;
}

/** Returns the stored hash of a scope's current key; undefined if it has none. */
export type HashInForce = (scope: string) => string | undefined;

/** What a keyring needs of {@link KnownKeys}. */
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
  properties: {
    scope: { type: 'string', pattern: '^(?:global|project:[0-9a-z_-]+)(?:#[0-9a-f]{16})?$' }, digest: BYTES_32, binding: BYTES_32,
  },
  required: ['scope', 'digest', 'binding'],
  additionalProperties: false,
};
const checkDocument = compileSchema<KnownKeysDocument>({
  type: 'object',
  properties: { format: { const: KNOWN_KEYS_FORMAT }, pepper: BYTES_32, keys: { type: 'array', items: KNOWN_KEY } },
  required: ['format', 'pepper', 'keys'],
  additionalProperties: false,
});

/** The known typed keys, at most one for each scope and each listed key. */
export class KnownKeys {
  readonly #pepper: Buffer;
  /** By hexadecimal digest. */
  readonly #keys = new Map<string, KnownKey>();

  constructor(pepper: Buffer = randomBytes(PEPPER_BYTES)) {
    invariant(pepper.length === PEPPER_BYTES, 'a pepper has 32 bytes');
    this.#pepper = pepper;
  }

  /** Parses the text of {@link KnownKeys.toText}; undefined if it is damaged or has another format. */
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

  /** Returns all entries as JSON with a final line feed. It contains no key and no stored hash. */
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
   * @returns the current stored hash that a derivation of this key would give; undefined if the key is unknown
   */
  recall(presented: string, salt: string, hashInForce: HashInForce): string | undefined {
    const digest = this.#digestOf(presented, salt);
    const known = this.#keys.get(digest.toString('hex'));
    if (known === undefined || !timingSafeEqual(known.digest, digest)) return undefined;
    const hash = hashInForce(known.scope);
    return hash !== undefined && this.#isBound(known, hash) ? hash : undefined;
  }

  /**
   * Adds a key that matched the stored hash of a scope.
   *
   * @returns false if it was known already
   * @throws {InvariantError} for a hash that is not scrypt's
   */
  learn(key: string, { scope, hash }: ScopedHash): boolean {
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

  /** Drops every key that is not bound to the current hash of its scope. */
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
