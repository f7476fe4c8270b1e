/**
 * Who waits for a derivation, and whose turn is next. A flood of made-up keys takes turns with all other callers, by scope and by
 * address, so that a good key gets its turn. Derives nothing, knows no time, and cannot tell a good key from a wrong one.
 *
 * Whose turn is next:
 *  1. Of the scopes that are waited for, the one served longest ago: a flood that aims at one project holds up no other.
 *  2. Within the scope, one turn goes to the address served longest ago, and the next to the caller that has waited longest. By the
 *     first, a caller from an address of its own passes a flood from others. The second is the bound where that does not help, because
 *     the flood comes from the caller's address or from ever new ones: with n waiting before it in its scope and s scopes busy, a
 *     caller is served within s × 2 × (n + 1) derivations.
 *  3. Of the callers of that address, one drawn by lot. In the order of their coming, a client that waits less than the whole line takes
 *     would never be served, however often it tries: each try begins at the end. Newest first, a flood would always be served, since
 *     each of its answers brings its next key, which is newer than whatever waits. By lot each turn is the same chance, whenever a
 *     caller comes and however often it has left, and a flood cannot change that by its timing.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** One place in the line. */
export interface Turn {
  /** What the presented key is meant to open, as one text. */
  readonly scope: string;
  /** The group of addresses that the caller belongs to. */
  readonly address: string;
}

/** How many scopes, and how many addresses in them, are remembered as served. */
const SERVED_MAX = 10_000;

/** A scope that was served: when, as a count of turns, and how often. */
interface ServedScope {
  readonly at: number;
  readonly turns: number;
}

/** A line of bounded length. */
export class DerivationLine<T extends Turn> {
  readonly #max: number;
  readonly #draw: (count: number) => number;
  /** Longest wait first. */
  readonly #waiting: T[] = [];
  #clock = 0;
  readonly #scopes = new LRUCache<string, ServedScope>({ max: SERVED_MAX });
  readonly #addresses = new LRUCache<string, number>({ max: SERVED_MAX });

  /**
   * @param max how many may wait
   * @param draw draws one of so many, from 0
   */
  constructor(max: number, draw: (count: number) => number = (count) => randomInt(count)) {
    this.#max = max;
    this.#draw = draw;
  }

  /**
   * Takes a place at the end.
   *
   * @returns who has to leave where the line is full: the newest of those who take the most places, so that a flood pushes out itself
   */
  add(turn: T): T | undefined {
    this.#waiting.push(turn);
    if (this.#waiting.length <= this.#max) return undefined;
    const leaving = this.#newestOfMost();
    this.remove(leaving);
    return leaving;
  }

  /** Leaves the line. */
  remove(turn: T): void {
    const place = this.#waiting.indexOf(turn);
    if (place !== -1) this.#waiting.splice(place, 1);
  }

  /**
   * Takes the next out of the line.
   *
   * @returns whose turn it is, undefined where the line is empty
   */
  next(): T | undefined {
    const scope = longestAgo(this.#waiting, ({ scope: name }) => this.#scopes.get(name)?.at)?.scope;
    if (scope === undefined) return undefined;
    const inScope = this.#waiting.filter((turn) => turn.scope === scope);
    const turns = this.#scopes.get(scope)?.turns ?? 0;
    const turn = turns % 2 === 0 ? this.#drawn(inScope) : inScope[0];
    if (turn === undefined) return undefined;
    this.#clock += 1;
    this.#scopes.set(scope, { at: this.#clock, turns: turns + 1 });
    this.#addresses.set(pairOf(turn), this.#clock);
    this.remove(turn);
    return turn;
  }

  /** One of those from the address served longest ago. */
  #drawn(inScope: readonly T[]): T | undefined {
    const address = longestAgo(inScope, (each) => this.#addresses.get(pairOf(each)))?.address;
    const together = inScope.filter((turn) => turn.address === address);
    return together[this.#draw(together.length)];
  }

  #newestOfMost(): T {
    const counts = new Map<string, number>();
    let most = 0;
    for (const turn of this.#waiting) {
      const count = (counts.get(pairOf(turn)) ?? 0) + 1;
      counts.set(pairOf(turn), count);
      most = Math.max(most, count);
    }
    const newest = this.#waiting.findLast((turn) => counts.get(pairOf(turn)) === most);
    if (newest === undefined) throw new TypeError('A line that is too long is not empty');
    return newest;
  }
}

/** One address in one scope. Neither part has a blank in it. */
function pairOf({ scope, address }: Turn): string {
  return `${scope} ${address}`;
}

/** The first of those that were served longest ago, or never. */
function longestAgo<T>(turns: readonly T[], servedAt: (turn: T) => number | undefined): T | undefined {
  let found: T | undefined;
  let foundAt = Number.POSITIVE_INFINITY;
  for (const turn of turns) {
    const at = servedAt(turn) ?? 0;
    if (at >= foundAt) continue;
    found = turn;
    foundAt = at;
  }
  return found;
}
