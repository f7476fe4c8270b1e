/**
 * Limits the rate of unknown API keys per client address. Only failures count: a caller with a valid key is never slowed down,
 * even from a blocked address.
 */
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { groupAddress } from './address-group.js';

/** Failures allowed per address group and minute. */
const FAILURES_PER_MINUTE_MAX = 100;
/** Number of address groups that are tracked. */
const COUNTED_ADDRESSES_MAX = 10_000;

const WINDOW_SECONDS = 60;
const MS_PER_SECOND = 1000;

interface FailedKeyThrottleOptions {
  /** Failures allowed per address group and minute. @default 100 */
  readonly failuresPerMinute?: number;
  /** Number of address groups that are tracked. @default 10_000 */
  readonly addressesMax?: number;
}

/** Counts failures per address group. */
export class FailedKeyThrottle {
  readonly #limiter: RateLimiterMemory;
  #failuresPerMinute: number;
  /**
   * The groups that the limiter tracks. Bounds its memory: the limiter drops a count after a minute but accepts any number of
   * groups, so an entry evicted here is deleted there. An attacker with more addresses than fit gains more attempts from their
   * number than from evictions.
   */
  readonly #counted: LRUCache<string, true>;

  constructor(options: FailedKeyThrottleOptions = {}) {
    this.#failuresPerMinute = options.failuresPerMinute ?? FAILURES_PER_MINUTE_MAX;
    const limiter = new RateLimiterMemory({ points: this.#failuresPerMinute, duration: WINDOW_SECONDS });
    this.#limiter = limiter;
    this.#counted = new LRUCache<string, true>({
      max: options.addressesMax ?? COUNTED_ADDRESSES_MAX,
      // The in-memory limiter has deleted the count when `delete` returns; the promise adds nothing.
      dispose: (_, group, reason) => {
        if (reason === 'evict') void limiter.delete(group);
      },
    });
  }

  /** Sets the failures allowed per address group and minute, also for those that were counted already. */
  setLimit(failuresPerMinute: number): void {
    this.#failuresPerMinute = failuresPerMinute;
    this.#limiter.points = failuresPerMinute;
  }

  /** Returns for how many more whole seconds an address is blocked; 0 if it is not. */
  async blockedSeconds(address: string): Promise<number> {
    const count = await this.#limiter.get(groupAddress(address));
    if (count === null || count.consumedPoints < this.#failuresPerMinute || count.msBeforeNext <= 0) return 0;
    return Math.ceil(count.msBeforeNext / MS_PER_SECOND);
  }

  /**
   * Counts one failure.
   *
   * @returns true only for the failure that reaches the limit in this window
   */
  async recordFailure(address: string): Promise<boolean> {
    const group = groupAddress(address);
    this.#counted.set(group, true);
    const { consumedPoints } = await this.#limiter.penalty(group);
    return consumedPoints === this.#failuresPerMinute;
  }
}
