/**
 * The rows that expire, in the order of their times: a binary heap. Each row knows its place in it, so that a change of its time moves it
 * and leaves nothing behind. A project in which no key expires has no memory here.
 */
import { invariant } from '../../base/invariant.js';
import { hasExpired } from '../../events/expiry.js';
import { allocate, allocateWords } from './allocate.js';

const FIRST_PLACES = 16;
/** What a full heap grows by. Doubling would leave more memory unused. */
const GROWTH = 1.5;
/** A heap that uses no more than this share of its memory gives half of it back. */
const USED_SHARE_MIN = 0.25;
const TIME_BYTES = Float64Array.BYTES_PER_ELEMENT;
/** The place of the first row. Those after a place are at twice that, and at the next one. */
const ROOT = 1;
/** The place of a row that does not expire. */
const NO_PLACE = 0;

/** Knows the place of each row; 0 for a row that does not expire. */
interface PlacedRows {
  expiryPlaceOf(row: number): number;
  setExpiryPlace(row: number, place: number): void;
}

/** The times of rows. */
export class ExpiryOrder {
  readonly #owner: PlacedRows;
  /** By place, in milliseconds since 1970. No row has the place 0. */
  #times = timesOf(0);
  #rows = allocateWords(0);
  #count = 0;

  constructor(owner: PlacedRows) {
    this.#owner = owner;
  }

  /** Number of rows that expire. */
  get count(): number {
    return this.#count;
  }

  /** Memory of the heap in bytes. */
  get allocatedBytes(): number {
    return this.#times.byteLength + this.#rows.byteLength;
  }

  /** The earliest time; undefined if no row expires. */
  get firstMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#times[ROOT];
  }

  /** Returns when a row expires, in milliseconds since 1970; null for never. */
  timeOf(row: number): number | null {
    const place = this.#count === 0 ? NO_PLACE : this.#owner.expiryPlaceOf(row);
    return place === NO_PLACE ? null : (this.#times[place] as number);
  }

  /** Tells whether a row has expired by a time. */
  hasExpired(row: number, nowMs: number): boolean {
    return hasExpired(this.timeOf(row), nowMs);
  }

  /** Sets when a row expires; null for never. A row that is freed must not expire. */
  set(row: number, timeMs: number | null): void {
    if (timeMs === null && this.#count === 0) return;
    const place = this.#owner.expiryPlaceOf(row);
    if (timeMs === null) {
      if (place !== NO_PLACE) this.#remove(row, place);
      return;
    }
    if (place === NO_PLACE) this.#makeRoom();
    const free = place === NO_PLACE ? this.#count : place;
    this.#put(this.#placeFrom(free, timeMs), row, timeMs);
  }

  #makeRoom(): void {
    this.#count += 1;
    if (this.#count >= this.#rows.length) this.#resize(Math.max(FIRST_PLACES, Math.ceil(this.#rows.length * GROWTH)));
  }

  #resize(placeCount: number): void {
    const [times, rows] = [timesOf(placeCount), allocateWords(placeCount)];
    times.set(this.#times.subarray(0, placeCount));
    rows.set(this.#rows.subarray(0, placeCount));
    this.#times = times;
    this.#rows = rows;
  }

  #remove(row: number, place: number): void {
    const last = this.#count;
    const lastRow = this.#rows[last] as number;
    const lastMs = this.#times[last] as number;
    this.#count -= 1;
    this.#owner.setExpiryPlace(row, NO_PLACE);
    if (place !== last) this.#put(this.#placeFrom(place, lastMs), lastRow, lastMs);
    if (this.#rows.length > FIRST_PLACES && this.#count < this.#rows.length * USED_SHARE_MIN) this.#resize(this.#rows.length >>> 1);
  }

  /** Moves rows until a time fits into a place, beginning with a free one. Returns the place that is free then. */
  #placeFrom(free: number, timeMs: number): number {
    let place = free;
    for (let above = place >>> 1; place > ROOT && (this.#times[above] as number) > timeMs; above = place >>> 1) {
      this.#move(above, place);
      place = above;
    }
    if (place !== free) return place;
    for (let below = this.#earlierBelow(place); below <= this.#count && (this.#times[below] as number) < timeMs;) {
      this.#move(below, place);
      place = below;
      below = this.#earlierBelow(place);
    }
    return place;
  }

  /** The earlier one of the two after a place; one beyond the end if there is none. */
  #earlierBelow(place: number): number {
    const left = place * 2;
    const isRight = left < this.#count && (this.#times[left + 1] as number) < (this.#times[left] as number);
    return isRight ? left + 1 : left;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#rows[from] as number, this.#times[from] as number);
  }

  #put(place: number, row: number, timeMs: number): void {
    this.#times[place] = timeMs;
    this.#rows[place] = row;
    this.#owner.setExpiryPlace(row, place);
  }

  /**
   * Returns the rows that have expired by a time, the earliest first.
   *
   * @param limit maximum number of rows, from 1
   */
  expired(nowMs: number, limit: number): number[] {
    invariant(limit >= 1, 'there is room for a row');
    const found: number[] = [];
    // Places whose rows come next, the earliest at the end.
    const next: number[] = this.#isExpiredAt(ROOT, nowMs) ? [ROOT] : [];
    for (let place = next.pop(); place !== undefined && found.length < limit; place = next.pop()) {
      found.push(this.#rows[place] as number);
      for (const below of [place * 2, place * 2 + 1]) {
        if (this.#isExpiredAt(below, nowMs)) next.splice(this.#indexIn(next, this.#times[below] as number), 0, below);
      }
    }
    return found;
  }

  /** Where a time belongs among places in descending order. */
  #indexIn(places: readonly number[], timeMs: number): number {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[places[middle] as number] as number) > timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Counts the rows that have expired by a time.
   *
   * @param isWanted which of them count
   * @param max the count ends here
   */
  countExpired(nowMs: number, isWanted: (row: number) => boolean = () => true, max = Infinity): number {
    let count = 0;
    const next: number[] = [ROOT];
    for (let place = next.pop(); place !== undefined && count < max; place = next.pop()) {
      if (!this.#isExpiredAt(place, nowMs)) continue;
      if (isWanted(this.#rows[place] as number)) count += 1;
      next.push(place * 2 + 1, place * 2);
    }
    return count;
  }

  #isExpiredAt(place: number, nowMs: number): boolean {
    return place <= this.#count && (this.#times[place] as number) <= nowMs;
  }
}

function timesOf(count: number): Float64Array<ArrayBuffer> {
  return new Float64Array(allocate(count * TIME_BYTES));
}
