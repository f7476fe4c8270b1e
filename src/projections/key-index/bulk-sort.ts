/**
 * Sorts many rows by their keys, in steps of some milliseconds: a radix sort by the six bytes after the prefix that the keys of a range
 * share, then in the same way each range of rows that agree in these. Comparing two keys costs two accesses to distant memory; this needs
 * a few of them for each key instead of twenty.
 */
import { allocate, allocateWords } from './allocate.js';

/** What the sort asks about rows. Between two steps, keys may be deleted; their rows may end up anywhere. */
export interface SortedRows {
  /** Compares two rows by their keys. */
  compare(row: number, other: number): number;
  /** Copies the UTF-8 bytes of a key; undefined if it was deleted. */
  bytesOf(row: number): Uint8Array | undefined;
  /** Number of bytes at their start that a key and others have in common; all of the others for a deleted key. */
  sharedBytes(row: number, others: Uint8Array): number;
  /** The six bytes of a key behind so many others, as an integer. Bytes behind its end count as 0, those of a deleted key as 255. */
  headOf(row: number, skippedBytes: number): number;
}

/** A range of fewer rows is sorted by comparing them. */
const COMPARED_ROWS_MAX = 512;
/** Rows of which a step handles a column. */
const STEP_ROWS = 16_384;
const DIGIT_BITS = 16;
const DIGITS = 2 ** DIGIT_BITS;
const DIGIT_MASK = DIGITS - 1;
const HEAD_BYTES = 6;
const DIGIT_BYTES = Uint16Array.BYTES_PER_ELEMENT;

/** Rows whose keys agree in their first bytes. */
interface Range {
  readonly rows: Uint32Array;
  readonly sharedBytes: number;
}

/**
 * Sorts rows in place.
 *
 * @returns the steps, each to be taken by `next`
 */
export function* bulkSort(all: Uint32Array, keys: SortedRows): Generator<void, void> {
  const ranges: Range[] = [{ rows: all, sharedBytes: 0 }];
  let compared = 0;
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const { rows } = range;
    const first = rows.length > COMPARED_ROWS_MAX ? firstKey(rows, keys) : undefined;
    // Keys that agree beyond the end of one of them differ only in bytes of 0 at the end.
    if (first === undefined || first.length <= range.sharedBytes) {
      rows.sort((row, other) => keys.compare(row, other));
      compared += rows.length;
      if (compared <= COMPARED_ROWS_MAX) continue;
      compared = 0;
      yield;
    } else {
      for (const tied of yield* sortByHeads(range, first, keys)) ranges.push(tied);
    }
  }
}

/** The first key that was not deleted. */
function firstKey(rows: Uint32Array, keys: SortedRows): Uint8Array | undefined {
  for (const row of rows) {
    const bytes = keys.bytesOf(row);
    if (bytes !== undefined) return bytes;
  }
  return undefined;
}

/** Sorts a range by the bytes after its shared prefix, and returns the ranges that agree in them. */
function* sortByHeads({ rows, sharedBytes }: Range, first: Uint8Array, keys: SortedRows): Generator<void, readonly Range[]> {
  const { length } = rows;
  let shared = first.length;
  for (let index = 0; index < length; index += 1) {
    shared = Math.min(shared, keys.sharedBytes(rows[index] as number, first));
    if (index % STEP_ROWS === 0) yield;
  }
  // A key that ends before them agrees with others in bytes of 0.
  shared = Math.max(shared, sharedBytes);
  const newDigits = (): Uint16Array => new Uint16Array(allocate(length * DIGIT_BYTES));
  const [high, middle, low] = [newDigits(), newDigits(), newDigits()];
  for (let index = 0; index < length; index += 1) {
    const head = keys.headOf(rows[index] as number, shared);
    const lower = head % (DIGITS * DIGITS);
    high[index] = Math.floor(head / (DIGITS * DIGITS));
    middle[index] = lower >>> DIGIT_BITS;
    low[index] = lower & DIGIT_MASK;
    if (index % STEP_ROWS === 0) yield;
  }
  let order = allocateWords(length);
  for (let index = 0; index < length; index += 1) {
    order[index] = index;
    if (index % STEP_ROWS === 0) yield;
  }
  for (const digit of [low, middle, high]) order = yield* sortedBy(digit, order);
  const unsorted = rows.slice();
  for (let index = 0; index < length; index += 1) {
    rows[index] = unsorted[order[index] as number] as number;
    if (index % STEP_ROWS === 0) yield;
  }
  const tied: Range[] = [];
  for (let start = 0, end = 1; end <= length; end += 1) {
    if (end % STEP_ROWS === 0) yield;
    const one = order[start] as number;
    const other = order[end] as number;
    if (end < length && high[one] === high[other] && middle[one] === middle[other] && low[one] === low[other]) continue;
    if (end - start > 1) tied.push({ rows: rows.subarray(start, end), sharedBytes: shared + HEAD_BYTES });
    start = end;
  }
  return tied;
}

/** Sorts an order by a digit, and keeps the order of those that agree in it: a counting sort. */
function* sortedBy(digit: Uint16Array, order: Uint32Array<ArrayBuffer>): Generator<void, Uint32Array<ArrayBuffer>> {
  const ends = new Uint32Array(DIGITS + 1);
  for (let index = 0; index < digit.length; index += 1) {
    const after = (digit[index] as number) + 1;
    ends[after] = (ends[after] as number) + 1;
    if (index % STEP_ROWS === 0) yield;
  }
  for (let value = 1; value <= DIGITS; value += 1) ends[value] = (ends[value] as number) + (ends[value - 1] as number);
  yield;
  const sorted = allocateWords(order.length);
  for (let index = 0; index < order.length; index += 1) {
    const one = order[index] as number;
    const value = digit[one] as number;
    const at = ends[value] as number;
    ends[value] = at + 1;
    sorted[at] = one;
    if (index % STEP_ROWS === 0) yield;
  }
  return sorted;
}
