/**
 * The current API keys, and the lookup of a presented one. Knows nothing of files, headers or permissions.
 *
 * The cost of a presented key, cheapest first:
 *  1. One SHA-256 and a lookup: keys stored as `sha256:` and keys stored in plain text.
 *  2. For a text that is not an intact generated key, while any key is stored with scrypt: a lookup among earlier derivations, then one
 *     HMAC and a lookup among the typed keys recognised earlier, including before a restart (`known-keys.ts`).
 *  3. One derivation (`derivation-queue.ts`).
 *
 * The caches map a digest to what was derived from it, not to its owner: the answer always comes from the current keys, so a replaced
 * key stops working immediately, even for a caller whose derivation is running.
 */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { invariant } from '../base/invariant.js';
import { API_KEY_CHARACTERS_MAX, isGeneratedKey } from './api-key.js';
import { groupAddress } from './address-group.js';
import { DerivationQueue, type DerivationQueueOptions, type DerivationRequest } from './derivation-queue.js';
import { digestKey, keyIdOf, parseKeyHash } from './key-hash.js';
import { KnownKeys, type TypedKeyMemory } from './known-keys.js';
import type { GlobalPrincipal, Principal, ProjectPrincipal } from './principal.js';

/** Presented keys in each of the two caches. */
const CACHED_KEYS_MAX = 10_000;

/** What an API key grants access to. */
export type KeyScope = { readonly kind: 'global' } | { readonly kind: 'project'; readonly project: string };

/** An API key as the configuration stores it. */
export interface StoredKey {
  /** `sha256:…` or `scrypt:…`. */
  readonly hash: string;
  /** The key itself if the configuration stores it in plain text: it is then compared without a derivation. */
  readonly plain?: string | null;
}

interface KeyringOptions extends DerivationQueueOptions {
  /** Presented keys in each of the two caches. @default 10_000 */
  readonly cachedMax?: number;
  /** The typed keys recognised earlier. @default none, and new ones are known to this keyring only */
  readonly knownKeys?: TypedKeyMemory;
}

/** Who presents a key; decides the order of derivations. */
interface Presenter extends Pick<DerivationRequest, 'onGone'> {
  /** As reported by the socket or a proxy. */
  readonly address: string;
  /** The project in the path, existing or not; null for none. */
  readonly project: string | null;
}

/** A current key. */
interface HeldKey {
  readonly principal: GlobalPrincipal | ProjectPrincipal;
  /** Its index: `#direct` by the hexadecimal digest of the key, `#typed` by the stored hash. */
  readonly index: 'direct' | 'typed';
  readonly name: string;
  /** Compared with the digest of the presented key, or with what was derived from it. */
  readonly digest: Buffer;
}

/** The current API keys. */
export class Keyring {
  readonly #held = new Map<string, HeldKey>();
  readonly #direct = new Map<string, HeldKey>();
  readonly #typed = new Map<string, HeldKey>();
  /** The salt of all typed keys; undefined if there are none, in which case nothing is derived. */
  #salt: string | undefined;
  readonly #derivations: DerivationQueue;
  // Two caches, so that made-up keys evict only each other and never a valid key.
  readonly #cachedValid: LRUCache<string, string>;
  readonly #cachedUnknown: LRUCache<string, string>;
  readonly #knownKeys: TypedKeyMemory;
  /** The salt of everything in the caches. */
  #cachedSalt: string | undefined;
  #epoch = 1;

  constructor(options: KeyringOptions = {}) {
    const max = options.cachedMax ?? CACHED_KEYS_MAX;
    this.#derivations = new DerivationQueue({ ...options, opens: (derived) => this.#typed.has(derived) });
    this.#cachedValid = new LRUCache({ max });
    this.#cachedUnknown = new LRUCache({ max });
    this.#knownKeys = options.knownKeys ?? new KnownKeys();
  }

  /**
   * Replaces the key of a scope; null removes it. The previous key stops working immediately.
   *
   * @throws {InvariantError} for an invalid hash, a key that another scope has, or a second salt
   */
  setKey(scope: KeyScope, key: StoredKey | null): void {
    const held = key === null ? undefined : holdKey(scope, key);
    if (held !== undefined) this.#check(scope, held);
    this.#epoch += 1;
    this.#drop(nameScope(scope));
    if (held === undefined) return;
    this.#held.set(nameScope(scope), held.key);
    this.#indexOf(held.key).set(held.key.name, held.key);
    if (held.salt !== undefined) this.#useSalt(held.salt);
  }

  /** Removes the key of a project. */
  removeProject(id: string): void {
    this.#epoch += 1;
    this.#drop(nameScope({ kind: 'project', project: id }));
  }

  /** Changes with every change of the keys: what was found out in an earlier epoch may hold no longer. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Returns the id of a scope's key, 16 hexadecimal digits; null if it has none. */
  keyId(scope: KeyScope): string | null {
    return this.#held.get(nameScope(scope))?.principal.keyId ?? null;
  }

  /** Tells whether the API key of a caller is still current: false once it was replaced or removed. Always true without a key. */
  holds(principal: Principal): boolean {
    return principal.kind === 'anonymous' || this.keyId(principal) === principal.keyId;
  }

  /**
   * Looks up the owner of a presented key without a derivation.
   *
   * @returns null for an unknown key; undefined if only a derivation can tell, see {@link Keyring.identify}
   */
  lookUp(presented: string): Principal | null | undefined {
    if (presented.length === 0 || presented.length > API_KEY_CHARACTERS_MAX) return null;
    const digest = digestKey(presented);
    const name = digest.toString('hex');
    const direct = this.#direct.get(name);
    if (direct !== undefined && timingSafeEqual(direct.digest, digest)) return direct.principal;
    const salt = this.#salt;
    if (salt === undefined || isGeneratedKey(presented)) return null;
    const cached = this.#cachedValid.get(name) ?? this.#cachedUnknown.get(name) ?? this.#recall(presented, salt);
    return cached === undefined ? undefined : this.#recognise(name, cached);
  }

  /**
   * Looks up the owner of a presented key, with a derivation if necessary.
   *
   * @returns null for an unknown key
   * @throws {AppError} `too_many_failed_keys` if the lookup needs a derivation and too many are waiting, see {@link DerivationQueue}
   */
  async identify(presented: string, presenter: Presenter): Promise<Principal | null> {
    const found = this.lookUp(presented);
    const salt = this.#salt;
    if (found !== undefined || salt === undefined) return found ?? null;
    const name = digestKey(presented).toString('hex');
    const request = {
      ...presenter, key: presented, digest: name, salt, scope: this.#scopeOf(presenter.project), address: groupAddress(presenter.address),
    };
    const derived = await this.#derivations.derive(request);
    const principal = this.#recognise(name, derived);
    if (principal !== null) this.#knownKeys.learn(presented, { scope: nameScope(principal), hash: derived });
    return principal;
  }

  /** The stored hash of a key that was recognised earlier and is still current. */
  #recall(presented: string, salt: string): string | undefined {
    return this.#knownKeys.recall(presented, salt, (scope) => {
      const held = this.#held.get(scope);
      return held?.index === 'typed' ? held.name : undefined;
    });
  }

  /** The scope that a typed key could open: only scopes that have one, so that made-up project ids all share one scope. */
  #scopeOf(project: string | null): string {
    const name = project === null ? undefined : nameScope({ kind: 'project', project });
    return name !== undefined && this.#held.get(name)?.index === 'typed' ? name : nameScope({ kind: 'global' });
  }

  /** Looks up a derived hash among the current keys, and caches it as valid or unknown. */
  #recognise(name: string, derived: string): HeldKey['principal'] | null {
    const parsed = parseKeyHash(derived);
    invariant(parsed?.scheme === 'scrypt', 'a derivation returns a scrypt hash');
    const held = this.#typed.get(derived);
    const known = held !== undefined && timingSafeEqual(held.digest, parsed.digest);
    if (parsed.salt === this.#cachedSalt) {
      (known ? this.#cachedUnknown : this.#cachedValid).delete(name);
      (known ? this.#cachedValid : this.#cachedUnknown).set(name, derived);
    }
    return known ? held.principal : null;
  }

  #indexOf(key: HeldKey): Map<string, HeldKey> {
    return key.index === 'direct' ? this.#direct : this.#typed;
  }

  #check(scope: KeyScope, held: NewKey): void {
    const present = this.#indexOf(held.key).get(held.key.name);
    const mine = this.#held.get(nameScope(scope));
    invariant(present === undefined || present === mine, 'no two scopes share a key');
    const othersTyped = this.#typed.size - (mine?.index === 'typed' ? 1 : 0);
    invariant(held.salt === undefined || othersTyped === 0 || held.salt === this.#salt, 'all typed keys share one salt');
  }

  #drop(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#indexOf(held).delete(held.name);
    if (this.#typed.size === 0) this.#salt = undefined;
  }

  /** Hashes derived with another salt say nothing about keys under this one. */
  #useSalt(salt: string): void {
    this.#salt = salt;
    if (salt === this.#cachedSalt) return;
    this.#cachedSalt = salt;
    this.#cachedValid.clear();
    this.#cachedUnknown.clear();
  }
}

interface NewKey {
  readonly key: HeldKey;
  /** Only for a key that can only be recognised by a derivation. */
  readonly salt: string | undefined;
}

/** Returns a scope as one text: `global`, or `project:` and the project's id. */
export function nameScope(scope: KeyScope): string {
  return scope.kind === 'global' ? 'global' : `project:${scope.project}`;
}

function holdKey(scope: KeyScope, key: StoredKey): NewKey {
  const parsed = parseKeyHash(key.hash);
  invariant(parsed !== undefined, 'a stored key has a valid hash');
  const keyId = keyIdOf(key.hash);
  const principal = scope.kind === 'global' ? { kind: scope.kind, keyId } : { kind: scope.kind, project: scope.project, keyId };
  const plain = key.plain ?? null;
  if (plain === null && parsed.scheme === 'scrypt') {
    return { key: { principal, index: 'typed', name: key.hash, digest: parsed.digest }, salt: parsed.salt };
  }
  const digest = plain === null ? parsed.digest : digestKey(plain);
  return { key: { principal, index: 'direct', name: digest.toString('hex'), digest }, salt: undefined };
}
