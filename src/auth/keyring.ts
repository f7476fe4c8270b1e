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
import type { Permission } from '../api/permissions.js';
import { type Clock, systemClock } from '../base/clock.js';
import { invariant } from '../base/invariant.js';
import { API_KEY_CHARACTERS_MAX, isGeneratedKey } from './api-key.js';
import { groupAddress } from './address-group.js';
import { DerivationQueue, type DerivationQueueOptions, type DerivationRequest } from './derivation-queue.js';
import { digestKey, keyIdOf, parseKeyHash } from './key-hash.js';
import { KnownKeys, type TypedKeyMemory } from './known-keys.js';
import type { KeyPrincipal, KeyWindow, Principal } from './principal.js';
import { ALL_RIGHTS, rightsOf } from './rights.js';

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

/** A key in the list of a scope. */
export interface KeyOfList extends StoredKey {
  readonly permissions: readonly Permission[];
  /** Null for a key that always works. */
  readonly window: KeyWindow | null;
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
  readonly principal: KeyPrincipal;
  /** Names the key among those recognised earlier: the scope, and for a listed key its id as well. */
  readonly place: string;
  /** Its index: `#direct` by the hexadecimal digest of the key, `#typed` by the stored hash. */
  readonly index: 'direct' | 'typed';
  readonly name: string;
  /** Compared with the digest of the presented key, or with what was derived from it. */
  readonly digest: Buffer;
}

/** The current API keys. */
export class Keyring {
  /** By place. */
  readonly #held = new Map<string, HeldKey>();
  /** The places of the listed keys of a scope, by the name of the scope. */
  readonly #listed = new Map<string, readonly string[]>();
  /** By the id of the key. */
  readonly #byId = new Map<string, HeldKey>();
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
  readonly #clock: Clock;
  #epoch = 1;

  constructor(options: KeyringOptions = {}) {
    const max = options.cachedMax ?? CACHED_KEYS_MAX;
    this.#derivations = new DerivationQueue({ ...options, opens: (derived) => this.#typed.has(derived) });
    this.#cachedValid = new LRUCache({ max });
    this.#cachedUnknown = new LRUCache({ max });
    this.#knownKeys = options.knownKeys ?? new KnownKeys();
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Replaces the primary key of a scope; null removes it. The previous key stops working immediately.
   *
   * @throws {InvariantError} for an invalid hash, a key that another scope has, or a second salt
   */
  setKey(scope: KeyScope, key: StoredKey | null): void {
    const place = nameScope(scope);
    const held = key === null ? undefined : holdKey(scope, key, { place, rights: ALL_RIGHTS, window: null });
    if (held !== undefined) this.#check(held, this.#held.get(place));
    this.#epoch += 1;
    this.#drop(place);
    if (held !== undefined) this.#take(held);
  }

  /**
   * Replaces the listed keys of a scope. One that is no longer in the list stops working immediately.
   *
   * @throws {InvariantError} as {@link Keyring.setKey}
   */
  setListed(scope: KeyScope, keys: readonly KeyOfList[]): void {
    const name = nameScope(scope);
    const before = new Map((this.#listed.get(name) ?? []).map((place) => [place, this.#held.get(place)?.principal.use]));
    this.#epoch += 1;
    for (const place of before.keys()) this.#drop(place);
    this.#listed.delete(name);
    const held = keys.map((key) => {
      const place = listedPlace(scope, key.hash);
      return holdKey(scope, key, { place, rights: rightsOf(key.permissions), window: key.window, use: before.get(place) });
    });
    for (const one of held) {
      this.#check(one, undefined);
      this.#take(one);
    }
    if (held.length > 0) this.#listed.set(name, held.map(({ key }) => key.place));
  }

  /** Removes the keys of a project. */
  removeProject(id: string): void {
    const scope: KeyScope = { kind: 'project', project: id };
    this.setListed(scope, []);
    this.setKey(scope, null);
  }

  /** The time that decides whether a key works, in milliseconds since 1970. */
  nowMs(): number {
    return this.#clock.wallMs();
  }

  /** Changes with every change of the keys: what was found out in an earlier epoch may hold no longer. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Returns the id of a scope's key, 16 hexadecimal digits; null if it has none. */
  keyId(scope: KeyScope): string | null {
    return this.#held.get(nameScope(scope))?.principal.keyId ?? null;
  }

  /** Tells whether a key is in the list of a scope. */
  hasListed(scope: KeyScope, keyId: string): boolean {
    return this.#held.has(`${nameScope(scope)}#${keyId}`);
  }

  /**
   * Looks a caller up again.
   *
   * @returns what is known of its API key now, or the argument without one; undefined once the key was replaced or removed
   */
  current(principal: Principal): Principal | undefined {
    if (principal.kind === 'anonymous') return principal;
    const now = this.#byId.get(principal.keyId)?.principal;
    return now !== undefined && isSameScope(now, principal) ? now : undefined;
  }

  /** Tells whether the API key of a caller is still current: false once it was replaced or removed. Always true without a key. */
  holds(principal: Principal): boolean {
    return this.current(principal) !== undefined;
  }

  /**
   * Returns when the key of an id was last used, by the clock of `performance.now()`.
   *
   * @returns undefined if it is not a current key, or was not used since it is one
   */
  lastUseMs(keyId: string): number | undefined {
    const lastMs = this.#byId.get(keyId)?.principal.use.lastMs ?? NaN;
    return Number.isNaN(lastMs) ? undefined : lastMs;
  }

  /**
   * Looks up the owner of a presented key without a derivation. The key need not work now, see {@link KeyWindow}.
   *
   * @returns null for an unknown key; undefined if only a derivation can tell, see {@link Keyring.identify}
   */
  lookUp(presented: string): KeyPrincipal | null | undefined {
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
  async identify(presented: string, presenter: Presenter): Promise<KeyPrincipal | null> {
    const found = this.lookUp(presented);
    const salt = this.#salt;
    if (found !== undefined || salt === undefined) return found ?? null;
    const name = digestKey(presented).toString('hex');
    const request = {
      ...presenter, key: presented, digest: name, salt, scope: this.#scopeOf(presenter.project), address: groupAddress(presenter.address),
    };
    const derived = await this.#derivations.derive(request);
    const principal = this.#recognise(name, derived);
    const place = this.#typed.get(derived)?.place;
    if (principal !== null && place !== undefined) this.#knownKeys.learn(presented, { scope: place, hash: derived });
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
    return name !== undefined && this.#hasTyped(name) ? name : nameScope({ kind: 'global' });
  }

  #hasTyped(name: string): boolean {
    return [name, ...(this.#listed.get(name) ?? [])].some((place) => this.#held.get(place)?.index === 'typed');
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

  /** @param mine the key that the new one replaces */
  #check({ key, salt }: NewKey, mine: HeldKey | undefined): void {
    const present = this.#indexOf(key).get(key.name) ?? this.#byId.get(key.principal.keyId);
    invariant(present === undefined || present === mine, 'no two scopes share a key');
    const othersTyped = this.#typed.size - (mine?.index === 'typed' ? 1 : 0);
    invariant(salt === undefined || othersTyped === 0 || salt === this.#salt, 'all typed keys share one salt');
  }

  #take({ key, salt }: NewKey): void {
    this.#held.set(key.place, key);
    this.#byId.set(key.principal.keyId, key);
    this.#indexOf(key).set(key.name, key);
    if (salt !== undefined) this.#useSalt(salt);
  }

  #drop(place: string): void {
    const held = this.#held.get(place);
    if (held === undefined) return;
    this.#held.delete(place);
    this.#byId.delete(held.principal.keyId);
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

/** Returns the place of a listed key, by its stored hash. */
export function listedPlace(scope: KeyScope, hash: string): string {
  return `${nameScope(scope)}#${keyIdOf(hash)}`;
}

interface NewKey {
  readonly key: HeldKey;
  /** Only for a key that can only be recognised by a derivation. */
  readonly salt: string | undefined;
}

/** Returns a scope as one text: `global`, or `project:` and the project's id. It is also the place of the scope's primary key. */
export function nameScope(scope: KeyScope): string {
  return scope.kind === 'global' ? 'global' : `project:${scope.project}`;
}

function isSameScope(one: KeyPrincipal, other: KeyPrincipal): boolean {
  return one.kind === 'project' ? other.kind === 'project' && one.project === other.project : other.kind === 'global';
}

/** What a key gets besides its stored form. */
interface HoldingFacts {
  readonly place: string;
  readonly rights: number;
  readonly window: KeyWindow | null;
  readonly use?: KeyPrincipal['use'] | undefined;
}

function holdKey(scope: KeyScope, key: StoredKey, { place, rights, window, use = { lastMs: NaN } }: HoldingFacts): NewKey {
  const parsed = parseKeyHash(key.hash);
  invariant(parsed !== undefined, 'a stored key has a valid hash');
  const facts = { keyId: keyIdOf(key.hash), rights, window, use };
  const principal: KeyPrincipal = scope.kind === 'global'
    ? { kind: 'global', ...facts }
    : { kind: 'project', project: scope.project, ...facts };
  const plain = key.plain ?? null;
  if (plain === null && parsed.scheme === 'scrypt') {
    return { key: { principal, place, index: 'typed', name: key.hash, digest: parsed.digest }, salt: parsed.salt };
  }
  const digest = plain === null ? parsed.digest : digestKey(plain);
  return { key: { principal, place, index: 'direct', name: digest.toString('hex'), digest }, salt: undefined };
}
