/**
 * How often an address may present keys that open nothing before it has to wait. Owns the counts; knows nothing of keys.
 *
 * Only failures count, so a caller with a valid key is never slowed down, even from an address that is blocked.
 */
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { groupAddress } from './address-group.js';

/** How many failures an address has per minute. */
export const FAILURES_PER_MINUTE_MAX = 100;
/** How many groups of addresses are counted at once. */
export const COUNTED_ADDRESSES_MAX = 10_000;

const WINDOW_SECONDS = 60;
const MS_PER_SECOND = 1000;

/** How a {@link FailureThrottle} counts. */
export interface FailureThrottleOptions {
  /** Failures per address and minute. @default 100 */
  readonly failuresPerMinute?: number;
  /** How many groups of addresses are counted at once. @default 10_000 */
  readonly addressesMax?: number;
}

/** Counts failures by address. */
export class FailureThrottle {
  readonly #limiter: RateLimiterMemory;
  readonly #failuresPerMinute: number;
  /**
   * The addresses that the limiter counts. It bounds the memory: the limiter itself drops a count after a minute but takes
   * any number of them, so an entry that is pushed out here is dropped there. Someone with more addresses than fit has more
   * attempts from their number than from being forgotten.
   */
  readonly #counted: LRUCache<string, true>;

  /** @param options how many failures, and how many addresses */
  constructor(options: FailureThrottleOptions = {}) {
    this.#failuresPerMinute = options.failuresPerMinute ?? FAILURES_PER_MINUTE_MAX;
    const limiter = new RateLimiterMemory({ points: this.#failuresPerMinute, duration: WINDOW_SECONDS });
    this.#limiter = limiter;
    this.#counted = new LRUCache<string, true>({
      max: options.addressesMax ?? COUNTED_ADDRESSES_MAX,
      // In memory, the deletion is done when `delete` returns; its promise says nothing more.
      dispose: (_, group, reason) => {
        if (reason === 'evict') void limiter.delete(group);
      },
    });
  }

  /**
   * Tells whether an address has used up its failures.
   *
   * @returns 0, or after how many whole seconds it may try again
   */
  async isBlocked(address: string): Promise<number> {
    const count = await this.#limiter.get(groupAddress(address));
    if (count === null || count.consumedPoints < this.#failuresPerMinute || count.msBeforeNext <= 0) return 0;
    return Math.ceil(count.msBeforeNext / MS_PER_SECOND);
  }

  /**
   * Counts one failure.
   *
   * @returns true for the failure that uses up what the address has in this window, and for no other
   */
  async recordFailure(address: string): Promise<boolean> {
    const group = groupAddress(address);
    this.#counted.set(group, true);
    const { consumedPoints } = await this.#limiter.penalty(group);
    return consumedPoints === this.#failuresPerMinute;
  }
}
