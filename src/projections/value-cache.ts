/**
 * Values that were read from disk a short while ago, and how many are read at once: shared by all projects of a server.
 */
import { LRUCache } from 'lru-cache';
import pLimit, { type LimitFunction } from 'p-limit';
import { invariant } from '../base/invariant.js';

/** Bytes of values that are remembered, unless said otherwise. */
export const VALUE_CACHE_BYTES = 33_554_432;
/** A value above this share of the cache would drive out too many others. */
const VALUE_SHARE_MAX = 1 / 8;
/** What a remembered value takes besides its text. */
const ENTRY_BYTES = 256;
/** Reads at once, of all projects: Node makes file calls on four threads, and syncs need theirs. */
const READS_MAX = 8;

/** How many values that were read once are known by name. */
const READ_ONCE_MAX = 16_384;

/** A bounded memory of values. */
export class ValueCache {
  readonly #values: LRUCache<string, string>;
  /** Names of values that were read lately, and not remembered. */
  readonly #readOnce = new LRUCache<string, true>({ max: READ_ONCE_MAX });
  readonly #limit: LimitFunction = pLimit(READS_MAX);
  #readers = 0;

  /** @param maxBytes how much is remembered, in bytes */
  constructor(maxBytes: number = VALUE_CACHE_BYTES) {
    invariant(Number.isSafeInteger(maxBytes) && maxBytes >= 1, 'a cache has a size');
    this.#values = new LRUCache({ maxSize: maxBytes, maxEntrySize: Math.max(1, Math.floor(maxBytes * VALUE_SHARE_MAX)) });
  }

  /** Bytes that are remembered, by estimate. */
  get sizeBytes(): number {
    return this.#values.calculatedSize;
  }

  /**
   * @returns a number that no other reader has: with a seq, it names one value for ever
   */
  newReader(): number {
    this.#readers += 1;
    return this.#readers;
  }

  /** @returns the value's text, undefined when it is not remembered */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    // By the longest that V8 may need for it: two bytes a character.
    this.#values.set(name, value, { size: ENTRY_BYTES + value.length * 2 });
  }

  /**
   * Remembers a value that is read for the second time within a while. One that is read once only would drive out what is read
   * often; and millions of such, each kept for a while and then dropped, cost more memory than the cache, since a garbage
   * collector comes seldom to what has grown old.
   */
  offer(name: string, value: string): void {
    if (this.#readOnce.has(name)) this.set(name, value);
    else this.#readOnce.set(name, true);
  }

  /** Waits for its turn to read. */
  takeTurn<T>(read: () => Promise<T>): Promise<T> {
    return this.#limit(read);
  }
}
