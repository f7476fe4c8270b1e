/**
 * Reads ranges of the key index: entries, members of a JSON object, keys, or how many there are. A read that says what time it is does not
 * see the keys that have expired by then.
 */
import { invariant } from '../../base/invariant.js';
import { type DirectedRange, intervalOf, type KeyRange } from '../../events/key-range.js';
import type { KeyEntry } from '../key-entry.js';
import { allocateWords } from './allocate.js';
import type { ExpiryOrder } from './expiry-order.js';
import { boundsOf, type OrderBounds } from './key-bounds.js';
import { comparePositions, type KeyOrder } from './key-order.js';
import { MemberText } from './member-text.js';
import type { RecordArena } from './record-arena.js';
import type { RowTable } from './row-table.js';

/** The first entries of a range. */
export interface KeySlice {
  readonly entries: readonly (readonly [key: string, entry: KeyEntry])[];
  /** True if the range has no more entries; false if it may have more. */
  readonly isLast: boolean;
}

/** The first entries of a range, about to be written as members of a JSON object. */
export interface Members {
  /** Undefined if there is none. */
  readonly lastKey: string | undefined;
  /** True if the range has no more entries; false if it may have more. */
  readonly isLast: boolean;
  /** Size of their values in bytes. */
  readonly valueBytes: number;
  /**
   * Returns the text, each member behind a comma. Must be called before anything changes.
   *
   * @param allocate gives the memory for it, of exactly this size
   */
  write(allocate: (sizeBytes: number) => Buffer): Buffer;
}

/** The parts of the key index that a listing is read from. */
interface IndexParts {
  readonly rows: RowTable;
  readonly records: RecordArena;
  readonly order: KeyOrder;
  readonly expiry: ExpiryOrder;
}

/** Reads ranges. */
export class RangeReader {
  readonly #parts: IndexParts;
  readonly #entryOf: (key: string, row: number) => KeyEntry;

  constructor(parts: IndexParts, entryOf: (key: string, row: number) => KeyEntry) {
    this.#parts = parts;
    this.#entryOf = entryOf;
  }

  /**
   * Reads the first entries of a range, all of one moment.
   *
   * @param limit maximum number of entries, from 1
   * @param valueBytesMax maximum size of their values together; the first entry is taken whatever its size
   * @param nowMs leaves out what has expired by then, in milliseconds since 1970; undefined leaves out nothing
   */
  slice(range: DirectedRange, limit: number, valueBytesMax = Infinity, nowMs?: number): KeySlice {
    const rows = this.rowsIn(range, limit, nowMs);
    const taken = rows.subarray(0, this.#fittingCount(rows, valueBytesMax));
    const entries: (readonly [string, KeyEntry])[] = [];
    for (const row of taken) {
      const key = this.#keyOf(row);
      entries.push([key, this.#entryOf(key, row)]);
    }
    return { entries, isLast: taken.length === rows.length && rows.length < limit };
  }

  /** Number of rows whose values have at most this size together, but one at least. */
  #fittingCount(rows: Uint32Array, valueBytesMax: number): number {
    let valueBytes = 0;
    for (const [index, row] of rows.entries()) {
      valueBytes += this.#parts.records.valueBytesOf(this.#parts.rows.addressOf(row));
      if (valueBytes > valueBytesMax && index > 0) return index;
    }
    return rows.length;
  }

  /**
   * Writes the first entries of a range as members of a JSON object, each behind a comma, all of one moment.
   *
   * @param limit maximum number of entries, from 1
   * @param valueBytesMax maximum size of their values together; the first entry is taken whatever its size
   * @param nowMs as of {@link slice}
   * @returns undefined if the value behind those that it has taken is not in memory
   */
  members(range: DirectedRange, limit: number, valueBytesMax: number, nowMs?: number): Members | undefined {
    const rows = this.rowsIn(range, limit, nowMs);
    const text = new MemberText(valueBytesMax);
    let canContinue = true;
    while (canContinue && text.count < rows.length) canContinue = this.#addMembers(rows, text);
    const { count, valueBytes } = text;
    const isWhole = count === rows.length;
    if (!isWhole && this.#parts.records.isPlaced(this.#parts.rows.addressOf(rows[count] as number))) return undefined;
    return {
      lastKey: count === 0 ? undefined : this.#keyOf(rows[count - 1] as number),
      isLast: isWhole && rows.length < limit,
      valueBytes,
      write: (allocate) => text.write(allocate),
    };
  }

  /** Adds the rows behind those that the text has whose records lie one after another; false if it cannot add all of them. */
  #addMembers(rows: Uint32Array, text: MemberText): boolean {
    const first = text.count;
    const address = this.#parts.rows.addressOf(rows[first] as number);
    let count = 1;
    while (first + count < rows.length && this.#parts.rows.addressOf(rows[first + count] as number) === address + count) count += 1;
    return this.#parts.records.addMembers(address, count, text);
  }

  #keyOf(row: number): string {
    return this.#parts.records.keyOf(this.#parts.rows.addressOf(row));
  }

  /**
   * Reads the first keys of a range, all of one moment.
   *
   * @param limit maximum number of keys, from 1
   * @param nowMs as of {@link slice}
   */
  keys(range: DirectedRange, limit: number, nowMs?: number): string[] {
    const keys: string[] = [];
    for (const row of this.rowsIn(range, limit, nowMs)) keys.push(this.#keyOf(row));
    return keys;
  }

  /**
   * Counts the keys of a range.
   *
   * @param nowMs as of {@link slice}
   */
  countIn(range: KeyRange, nowMs?: number): number {
    const { order, expiry } = this.#parts;
    const { first, behind } = this.boundsOf(range);
    const count = order.countBetween(first, behind);
    if (nowMs === undefined || !this.#isAnyExpired(nowMs)) return count;
    if (count === order.countBetween(order.start, order.end)) return count - expiry.countExpired(nowMs);
    // Of the expired keys and the keys of the range, looks at the fewer.
    if (expiry.countExpired(nowMs, undefined, count) < count) return count - expiry.countExpired(nowMs, this.#isIn(range));
    return this.rowsIn(range, Math.max(count, 1), nowMs).length;
  }

  #isIn(range: KeyRange): (row: number) => boolean {
    const { rows, records } = this.#parts;
    const { from, to } = intervalOf(range);
    return (row) => {
      const address = rows.addressOf(row);
      return records.compareKey(address, from) >= 0 && (to === undefined || records.compareKey(address, to) < 0);
    };
  }

  #isAnyExpired(nowMs: number): boolean {
    return (this.#parts.expiry.firstMs ?? Infinity) <= nowMs;
  }

  /**
   * Returns the first rows of a range.
   *
   * @param limit maximum number of rows, from 1
   * @param nowMs as of {@link slice}
   */
  rowsIn(range: DirectedRange, limit: number, nowMs: number | undefined): Uint32Array {
    invariant(limit >= 1, 'a slice has room for a key');
    const { order, expiry } = this.#parts;
    const { first, behind } = this.boundsOf(range);
    if (comparePositions(first, behind) >= 0) return allocateWords(0);
    const isWanted = nowMs === undefined || !this.#isAnyExpired(nowMs) ? undefined : (row: number) => !expiry.hasExpired(row, nowMs);
    return order.rowsBetween(first, behind, { isReverse: range.reverse ?? false, limit, isWanted });
  }

  /** Returns where a range lies in the sorted order. */
  boundsOf(range: DirectedRange): OrderBounds {
    const { rows, records, order } = this.#parts;
    while (order.waitingCount > 0) order.sortSome();
    return boundsOf(order, range, {
      compare: (row, bytes) => records.compareKey(rows.addressOf(row), bytes),
      sharedBytes: (row, bytes) => records.sharedKeyBytes(rows.addressOf(row), bytes),
    });
  }
}
