/**
 * A cache of values read from disk, and the limit of concurrent reads. Shared by all projects of a server.
 */
import { LRUCache } from 'lru-cache';
import pLimit, { type LimitFunction } from 'p-limit';
import { invariant } from '../base/invariant.js';

/** Default size of the cache in bytes. */
const VALUE_CACHE_BYTES = 33_554_432;
/** A value above this share of the cache would evict too many others. */
const VALUE_SHARE_MAX = 1 / 8;
/** Estimated memory of a cached value besides its text. */
const ENTRY_BYTES = 256;
/** Concurrent reads of all projects: Node runs file calls on four threads, and syncs need theirs. */
const READS_MAX = 8;

/** Names of values read once that are kept. */
const READ_ONCE_MAX = 16_384;

/** A bounded cache of values. */
export class ValueCache {
  readonly #values: LRUCache<string, string>;
  /** Names of recently read values that are not cached. Made when it is first needed, since it allocates all of its entries at once. */
  #readOnce: LRUCache<string, true> | undefined;
  readonly #limit: LimitFunction = pLimit(READS_MAX);
  #readers = 0;

  /** @param maxBytes size of the cache in bytes */
  constructor(maxBytes: number = VALUE_CACHE_BYTES) {
    invariant(Number.isSafeInteger(maxBytes) && maxBytes >= 1, 'a cache has a size');
    this.#values = new LRUCache({ maxSize: maxBytes, maxEntrySize: Math.max(1, Math.floor(maxBytes * VALUE_SHARE_MAX)) });
  }

  /** Estimated memory in use, in bytes. */
  get sizeBytes(): number {
    return this.#values.calculatedSize;
  }

  /** Returns a number that no other reader has: together with a seq, it permanently identifies one value. */
  newReader(): number {
    this.#readers += 1;
    return this.#readers;
  }

  /** Returns a value's text; undefined if it is not cached. */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    // V8 needs up to two bytes for a character.
    this.#values.set(name, value, { size: ENTRY_BYTES + value.length * 2 });
  }

  /** Forgets a value. */
  delete(name: string): void {
    this.#values.delete(name);
  }

  /**
   * Caches a value on its second read within a while. Values read only once would evict those read often. Millions of them, each cached and
   * then evicted, would also take more memory than the cache itself, since they grow old and old objects are rarely collected.
   */
  offer(name: string, value: string): void {
    this.#readOnce ??= new LRUCache({ max: READ_ONCE_MAX });
    if (this.#readOnce.has(name)) this.set(name, value);
    else this.#readOnce.set(name, true);
  }

  /** Runs a read once fewer than {@link READS_MAX} others are running. */
  takeTurn<T>(read: () => Promise<T>): Promise<T> {
    return this.#limit(read);
  }
}
