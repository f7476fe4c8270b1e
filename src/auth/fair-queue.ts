/**
 * A bounded queue that is fair to callers by scope and by address, so that a valid key is served during a flood of made-up ones.
 * Derives nothing, knows no time, and cannot tell a valid key from an unknown one.
 *
 * Which entry is next:
 *  1. The scope served least recently: a flood on one project delays no other.
 *  2. Within the scope, alternately the address served least recently and the entry that has waited longest. The first lets a caller
 *     with an address of its own overtake a flood from others. The second is the bound if the flood shares the caller's address or
 *     keeps changing its own: with n entries before it in its scope and s busy scopes, an entry is served within s × 2 × (n + 1) turns.
 *  3. Among the entries of that address, a random one. In arrival order, a client whose timeout is shorter than the queue would never
 *     be served, because each retry starts at the end. Newest first, a flood would always be served, because each refusal is answered
 *     by its next key. A random draw gives every entry the same chance in each turn, and no flood can change that by its timing.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** An entry of the queue. */
export interface Queued {
  /** What the presented key is meant to open, as one text. */
  readonly scope: string;
  /** The caller's address group. */
  readonly address: string;
}

/** Number of scopes, and of addresses within scopes, whose last turn is remembered. */
const SERVED_MAX = 10_000;

interface ServedScope {
  /** The turn in which it was last served. */
  readonly at: number;
  readonly turns: number;
}

/** A bounded fair queue. */
export class FairQueue<T extends Queued> {
  readonly #max: number;
  readonly #draw: (count: number) => number;
  /** In arrival order. */
  readonly #waiting: T[] = [];
  /** Turns so far. */
  #clock = 0;
  readonly #scopes = new LRUCache<string, ServedScope>({ max: SERVED_MAX });
  readonly #addresses = new LRUCache<string, number>({ max: SERVED_MAX });

  /**
   * @param max the longest queue
   * @param draw draws a number from 0 up to, not including, `count`
   */
  constructor(max: number, draw: (count: number) => number = (count) => randomInt(count)) {
    this.#max = max;
    this.#draw = draw;
  }

  /**
   * Appends an entry.
   *
   * @returns the entry evicted from a full queue: the newest of the address with the most entries, so that a flood evicts itself
   */
  add(entry: T): T | undefined {
    this.#waiting.push(entry);
    if (this.#waiting.length <= this.#max) return undefined;
    const evicted = this.#newestOfMost();
    this.remove(evicted);
    return evicted;
  }

  /** Removes an entry if it is queued. */
  remove(entry: T): void {
    const index = this.#waiting.indexOf(entry);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  /** Removes and returns the next entry; undefined if the queue is empty. */
  next(): T | undefined {
    const scope = leastRecent(this.#waiting, (entry) => this.#scopes.get(entry.scope)?.at)?.scope;
    if (scope === undefined) return undefined;
    const inScope = this.#waiting.filter((entry) => entry.scope === scope);
    const turns = this.#scopes.get(scope)?.turns ?? 0;
    const entry = turns % 2 === 0 ? this.#drawn(inScope) : inScope[0];
    if (entry === undefined) return undefined;
    this.#clock += 1;
    this.#scopes.set(scope, { at: this.#clock, turns: turns + 1 });
    this.#addresses.set(pairOf(entry), this.#clock);
    this.remove(entry);
    return entry;
  }

  /** A random entry of the address served least recently. */
  #drawn(inScope: readonly T[]): T | undefined {
    const address = leastRecent(inScope, (entry) => this.#addresses.get(pairOf(entry)))?.address;
    const ofAddress = inScope.filter((entry) => entry.address === address);
    return ofAddress[this.#draw(ofAddress.length)];
  }

  #newestOfMost(): T {
    const counts = new Map<string, number>();
    let most = 0;
    for (const entry of this.#waiting) {
      const count = (counts.get(pairOf(entry)) ?? 0) + 1;
      counts.set(pairOf(entry), count);
      most = Math.max(most, count);
    }
    const newest = this.#waiting.findLast((entry) => counts.get(pairOf(entry)) === most);
    if (newest === undefined) throw new TypeError('A queue above its limit is not empty');
    return newest;
  }
}

/** One address in one scope. Neither contains a space. */
function pairOf({ scope, address }: Queued): string {
  return `${scope} ${address}`;
}

/** The first entry among those served least recently, or never. */
function leastRecent<T>(entries: readonly T[], servedAt: (entry: T) => number | undefined): T | undefined {
  let found: T | undefined;
  let foundAt = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const at = servedAt(entry) ?? 0;
    if (at >= foundAt) continue;
    found = entry;
    foundAt = at;
  }
  return found;
}
