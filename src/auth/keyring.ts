/**
 * Which API keys exist now, and whose a presented key is. Owns the look-ups and the memories; the expensive work is
 * `derivation-queue.ts`. Knows nothing of files, headers or what a key allows.
 *
 * What a presented key costs, cheapest first:
 *  1. one SHA-256 and a look-up: keys stored as `sha256:` and keys kept in the clear;
 *  2. for a text that is not a whole generated key, while any key is stored with scrypt: a look-up of what was derived before, and one
 *     HMAC and a look-up among the typed keys that were recognised before, also before a restart (`known-keys.ts`);
 *  3. one derivation.
 *
 * The memories hold what was derived from a digest, not whose it was: the answer always comes from the keys that hold at
 * that moment, so a key that was replaced stops working at once, also for a caller whose derivation was under way.
 */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { invariant } from '../base/invariant.js';
import { isGeneratedKey } from './access-key.js';
import { groupAddress } from './address-group.js';
import { DerivationQueue, type DerivationQueueOptions, type DerivationRequest } from './derivation-queue.js';
import { digestKey, keyIdOf, parseKeyHash } from './key-hash.js';
import { KnownKeys, type TypedKeyMemory } from './known-keys.js';
import type { GlobalPrincipal, Principal, ProjectPrincipal } from './principal.js';

/** Longest key that is looked at, in characters; a longer one is unknown. */
export const ACCESS_KEY_CHARACTERS_MAX = 512;

/** How many presented keys each of the two memories holds. */
export const REMEMBERED_KEYS_MAX = 10_000;

/** What a key opens. */
export type KeyScope = { readonly kind: 'global' } | { readonly kind: 'project'; readonly project: string };

/** A key as the configuration keeps it. */
export interface StoredKey {
  /** `sha256:…` or `scrypt:…`. */
  readonly hash: string;
  /** The key itself where the configuration keeps it in the clear: it is then compared without a derivation. */
  readonly plain?: string | null;
}

/** How a {@link Keyring} works. */
export interface KeyringOptions extends DerivationQueueOptions {
  /** How many presented keys each of the two memories holds. @default 10_000 */
  readonly rememberedMax?: number;
  /** The typed keys that were recognised before. @default none, and those to come are known to this keyring only */
  readonly knownKeys?: TypedKeyMemory;
}

/** Who presents a key, which decides whose turn a derivation is. */
export interface Presenter extends Pick<DerivationRequest, 'onGone'> {
  /** As sockets and proxies give it. */
  readonly address: string;
  /** The project that is asked for, existing or not; null for none. */
  readonly project: string | null;
}

/** A key that holds now. */
interface HeldKey {
  readonly principal: GlobalPrincipal | ProjectPrincipal;
  /** Where it is found: `#direct` by the hexadecimal digest of the key, `#chosen` by the stored text. */
  readonly index: 'direct' | 'chosen';
  readonly name: string;
  /** What the presented key's digest, or what was derived from it, is compared with. */
  readonly digest: Buffer;
}

/** The keys that hold now. */
export class Keyring {
  readonly #held = new Map<string, HeldKey>();
  readonly #direct = new Map<string, HeldKey>();
  readonly #chosen = new Map<string, HeldKey>();
  /** The one salt of all chosen keys; undefined while there are none, and then nothing is ever derived. */
  #salt: string | undefined;
  readonly #derivations: DerivationQueue;
  // Two memories, so that made-up keys can push out only each other and never a key that works.
  readonly #knownGood: LRUCache<string, string>;
  readonly #knownBad: LRUCache<string, string>;
  readonly #knownKeys: TypedKeyMemory;
  /** The salt of everything that the memories hold. */
  #rememberedSalt: string | undefined;

  /** @param options sizes, and what derives */
  constructor(options: KeyringOptions = {}) {
    const max = options.rememberedMax ?? REMEMBERED_KEYS_MAX;
    this.#derivations = new DerivationQueue({ ...options, opens: (derived) => this.#chosen.has(derived) });
    this.#knownGood = new LRUCache({ max });
    this.#knownBad = new LRUCache({ max });
    this.#knownKeys = options.knownKeys ?? new KnownKeys();
  }

  /**
   * Gives a scope its key; the key before it stops working at once.
   *
   * @param key the key as it is stored, null for none
   * @throws {InvariantError} for a text that is no hash, a key that another scope has, or a second salt
   */
  setKey(scope: KeyScope, key: StoredKey | null): void {
    const held = key === null ? undefined : holdKey(scope, key);
    if (held !== undefined) this.#check(scope, held);
    this.#drop(nameScope(scope));
    if (held === undefined) return;
    this.#held.set(nameScope(scope), held.key);
    this.#indexOf(held.key).set(held.key.name, held.key);
    if (held.salt !== undefined) this.#useSalt(held.salt);
  }

  /** Forgets a project's key. */
  removeProject(id: string): void {
    this.#drop(nameScope({ kind: 'project', project: id }));
  }

  /**
   * Names a scope's key.
   *
   * @returns 16 hexadecimal digits, null where there is no key
   */
  keyId(scope: KeyScope): string | null {
    return this.#held.get(nameScope(scope))?.principal.keyId ?? null;
  }

  /**
   * Tells whether the API key by which a caller was recognised is still its scope's.
   *
   * @param principal what {@link Keyring.identify} gave, or the caller without a key
   * @returns false once that key was replaced or removed
   */
  holds(principal: Principal): boolean {
    return principal.kind === 'anonymous' || this.keyId(principal) === principal.keyId;
  }

  /**
   * Says whose a presented key is.
   *
   * @param presented the key as it came, without the words around it
   * @returns who presents it, null for a key that opens nothing
   * @throws {AppError} `too_many_failed_keys` when finding out needs a derivation and too many are wanted, see {@link DerivationQueue}
   */
  async identify(presented: string, presenter: Presenter): Promise<Principal | null> {
    if (presented.length === 0 || presented.length > ACCESS_KEY_CHARACTERS_MAX) return null;
    const digest = digestKey(presented);
    const name = digest.toString('hex');
    const direct = this.#direct.get(name);
    if (direct !== undefined && timingSafeEqual(direct.digest, digest)) return direct.principal;
    const salt = this.#salt;
    if (salt === undefined || isGeneratedKey(presented)) return null;
    const remembered = this.#knownGood.get(name) ?? this.#knownBad.get(name) ?? this.#recall(presented, salt);
    if (remembered !== undefined) return this.#recognise(name, remembered);
    const request = {
      ...presenter, key: presented, digest: name, salt, scope: this.#scopeOf(presenter.project), address: groupAddress(presenter.address),
    };
    const derived = await this.#derivations.derive(request);
    const principal = this.#recognise(name, derived);
    if (principal !== null) this.#knownKeys.learn(presented, { scope: nameScope(principal), hash: derived });
    return principal;
  }

  /** What a derivation would give, for a key that was recognised before and is still in force. */
  #recall(presented: string, salt: string): string | undefined {
    return this.#knownKeys.recall(presented, salt, (scope) => {
      const held = this.#held.get(scope);
      return held?.index === 'chosen' ? held.name : undefined;
    });
  }

  /** What a chosen key could open there: only scopes that have one count, so that made-up ids of projects are one scope together. */
  #scopeOf(project: string | null): string {
    const name = project === null ? undefined : nameScope({ kind: 'project', project });
    return name !== undefined && this.#held.get(name)?.index === 'chosen' ? name : nameScope({ kind: 'global' });
  }

  /** Looks up what was derived among the keys that hold now, and remembers it on the side where it belongs. */
  #recognise(name: string, derived: string): HeldKey['principal'] | null {
    const parsed = parseKeyHash(derived);
    invariant(parsed?.scheme === 'scrypt', 'a derivation gives a scrypt hash');
    const held = this.#chosen.get(derived);
    const known = held !== undefined && timingSafeEqual(held.digest, parsed.digest);
    if (parsed.salt === this.#rememberedSalt) {
      (known ? this.#knownBad : this.#knownGood).delete(name);
      (known ? this.#knownGood : this.#knownBad).set(name, derived);
    }
    return known ? held.principal : null;
  }

  #indexOf(key: HeldKey): Map<string, HeldKey> {
    return key.index === 'direct' ? this.#direct : this.#chosen;
  }

  #check(scope: KeyScope, held: NewKey): void {
    const present = this.#indexOf(held.key).get(held.key.name);
    const mine = this.#held.get(nameScope(scope));
    invariant(present === undefined || present === mine, 'no two scopes share a key');
    const othersChosen = this.#chosen.size - (mine?.index === 'chosen' ? 1 : 0);
    invariant(held.salt === undefined || othersChosen === 0 || held.salt === this.#salt, 'all chosen keys share one salt');
  }

  #drop(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#indexOf(held).delete(held.name);
    if (this.#chosen.size === 0) this.#salt = undefined;
  }

  /** What was derived with another salt says nothing about keys under this one. */
  #useSalt(salt: string): void {
    this.#salt = salt;
    if (salt === this.#rememberedSalt) return;
    this.#rememberedSalt = salt;
    this.#knownGood.clear();
    this.#knownBad.clear();
  }
}

interface NewKey {
  readonly key: HeldKey;
  /** The salt, for a key that can only be recognised by a derivation. */
  readonly salt: string | undefined;
}

/**
 * Names a scope in one text.
 *
 * @returns `global`, or `project:` and the project's id
 */
export function nameScope(scope: KeyScope): string {
  return scope.kind === 'global' ? 'global' : `project:${scope.project}`;
}

function holdKey(scope: KeyScope, key: StoredKey): NewKey {
  const parsed = parseKeyHash(key.hash);
  invariant(parsed !== undefined, 'a stored key has a hash of a known form');
  const keyId = keyIdOf(key.hash);
  const principal = scope.kind === 'global' ? { kind: scope.kind, keyId } : { kind: scope.kind, project: scope.project, keyId };
  const plain = key.plain ?? null;
  if (plain === null && parsed.scheme === 'scrypt') {
    return { key: { principal, index: 'chosen', name: key.hash, digest: parsed.digest }, salt: parsed.salt };
  }
  const digest = plain === null ? parsed.digest : digestKey(plain);
  return { key: { principal, index: 'direct', name: digest.toString('hex'), digest }, salt: undefined };
}
