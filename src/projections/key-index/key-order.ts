/**
 * The rows of the key index in the order of their keys: blocks of row numbers, each sorted, one after the other.
 *
 * New rows wait in a list, and are sorted in when a listing asks, so that a project that never lists pays nothing. A million that wait,
 * such as after a start without a snapshot, can be sorted in piece by piece, while other work goes on.
 */
import { allocateWords, enlarged } from './allocate.js';
import { bulkSort, type SortedRows } from './bulk-sort.js';
import type { RowStanding } from './row-table.js';

const BLOCK_ROWS_MAX = 512;
const BLOCK_ROWS_FIRST = 16;
/** Two neighbours with no more rows than this together become one. */
const MERGED_ROWS_MAX = BLOCK_ROWS_MAX / 4;
/** Waiting rows that are sorted in at once. */
const BATCH_ROWS = 512;
/** So many times fewer waiting rows than others are sorted in one by one; more are sorted together with the others. */
const BULK_SHARE = 8;
/** Sorted rows that a step adds to the blocks. */
const ADDED_ROWS = 16_384;

/** What the order asks about rows. */
interface OrderedRows extends SortedRows {
  standingOf(row: number): RowStanding;
  setStanding(row: number, standing: RowStanding): void;
  /** Frees a row that was deleted while it waited. */
  free(row: number): void;
}

/** A position between two rows. */
export interface OrderPosition {
  readonly block: number;
  readonly index: number;
}

/** Which rows between two positions are wanted. */
interface RowSelection {
  /** From the last row to the first. */
  readonly isReverse: boolean;
  /** Maximum number of rows. */
  readonly limit: number;
  /** Undefined: all of them. */
  readonly isWanted: ((row: number) => boolean) | undefined;
}

class Block {
  rows: Uint32Array;
  count = 0;

  constructor(capacity: number) {
    this.rows = allocateWords(capacity);
  }

  get last(): number {
    return this.rows[this.count - 1] as number;
  }

  insert(index: number, row: number): void {
    this.push(row);
    this.rows.copyWithin(index + 1, index, this.count - 1);
    this.rows[index] = row;
  }

  push(row: number): void {
    if (this.count === this.rows.length) this.rows = enlarged(this.rows, this.count * 2);
    this.rows[this.count] = row;
    this.count += 1;
  }

  remove(first: number, end = first + 1): void {
    this.rows.copyWithin(first, end, this.count);
    this.count -= end - first;
  }

  /** Adds the rows of the next block. */
  append({ rows, count }: Block): void {
    if (this.count + count > this.rows.length) this.rows = enlarged(this.rows, BLOCK_ROWS_MAX);
    this.rows.set(rows.subarray(0, count), this.count);
    this.count += count;
  }

  /** Moves the upper half to a block of its own. */
  split(): Block {
    const upper = new Block(BLOCK_ROWS_MAX);
    const half = this.count >>> 1;
    upper.rows.set(this.rows.subarray(half, this.count));
    upper.count = this.count - half;
    this.count = half;
    return upper;
  }
}

/** Rows that are being sorted together. */
interface Bulk {
  readonly rows: Uint32Array;
  readonly steps: Generator<void, void>;
}

/** The sorted rows. */
export class KeyOrder {
  readonly #rows: OrderedRows;
  #blocks: Block[] = [];
  #waiting = allocateWords(BLOCK_ROWS_FIRST);
  #waitingCount = 0;
  /** Waiting rows whose keys were deleted. */
  #deletedCount = 0;
  #sortedCount = 0;
  /** Until all of them are in blocks again. */
  #bulk: Bulk | undefined;

  constructor(rows: OrderedRows) {
    this.#rows = rows;
  }

  /** Bytes of all blocks and of the list. */
  get allocatedBytes(): number {
    return this.#blocks.reduce((sum, { rows }) => sum + rows.byteLength, this.#waiting.byteLength);
  }

  /** Number of rows that are not sorted in yet. */
  get waitingCount(): number {
    return this.#waitingCount + (this.#bulk?.rows.length ?? 0);
  }

  /** Adds a row, to be sorted in later. */
  add(row: number): void {
    if (this.#waitingCount === this.#waiting.length && this.#deletedCount > this.#waitingCount / 2) this.#tidyWaiting();
    if (this.#waitingCount === this.#waiting.length) this.#waiting = enlarged(this.#waiting, this.#waitingCount * 2);
    this.#waiting[this.#waitingCount] = row;
    this.#waitingCount += 1;
  }

  /** Adds a row behind all others; no row waits. */
  addLast(row: number): void {
    this.#rows.setStanding(row, 1);
    this.#sortedCount += 1;
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.count < BLOCK_ROWS_MAX) {
      last.push(row);
      return;
    }
    const block = new Block(last === undefined ? BLOCK_ROWS_FIRST : BLOCK_ROWS_MAX);
    block.push(row);
    this.#blocks.push(block);
  }

  /**
   * Removes a row whose key is being deleted, but can still be compared.
   *
   * @returns false if the row waited to be sorted in: then it must not be used again until the order frees it
   */
  remove(row: number): boolean {
    if (this.#rows.standingOf(row) === 1) {
      this.#removeAt(this.positionOf((other) => this.#rows.compare(other, row)));
      return true;
    }
    this.#rows.setStanding(row, 2);
    this.#deletedCount += 1;
    return false;
  }

  /** Removes the rows between two positions, the first of which is not behind the other. No row waits. */
  removeBetween(from: OrderPosition, to: OrderPosition): void {
    this.#sortedCount -= this.countBetween(from, to);
    for (const [at, block] of this.#blocks.entries()) {
      if (at < from.block || at > to.block) continue;
      block.remove(at === from.block ? from.index : 0, at === to.block ? to.index : block.count);
    }
    this.#blocks = this.#blocks.filter(({ count }) => count > 0);
  }

  #removeAt({ block: at, index }: OrderPosition): void {
    const block = this.#blocks[at] as Block;
    block.remove(index);
    this.#sortedCount -= 1;
    const next = this.#blocks[at + 1];
    if (block.count === 0) {
      this.#blocks.splice(at, 1);
    } else if (next !== undefined && block.count + next.count <= MERGED_ROWS_MAX) {
      block.append(next);
      this.#blocks.splice(at + 1, 1);
    }
  }

  #tidyWaiting(): void {
    let kept = 0;
    for (const row of this.#waiting.subarray(0, this.#waitingCount)) {
      if (!this.#isAlive(row)) continue;
      this.#waiting[kept] = row;
      kept += 1;
    }
    this.#waitingCount = kept;
  }

  /** Frees the row if its key was deleted. */
  #isAlive(row: number): boolean {
    if (this.#rows.standingOf(row) !== 2) return true;
    this.#rows.free(row);
    this.#deletedCount -= 1;
    return false;
  }

  /** Sorts in some of the waiting rows. */
  sortSome(): void {
    if (this.#bulk !== undefined) {
      if (this.#bulk.steps.next().done === true) this.#bulk = undefined;
    } else if (this.#waitingCount > BATCH_ROWS && this.#waitingCount > this.#sortedCount / BULK_SHARE) {
      this.#bulk = this.#beginBulk();
    } else {
      this.#sortBatch();
    }
  }

  #sortBatch(): void {
    const first = Math.max(0, this.#waitingCount - BATCH_ROWS);
    const batch = this.#waiting.slice(first, this.#waitingCount).filter((row) => this.#isAlive(row));
    this.#waitingCount = first;
    for (const row of batch.sort((one, other) => this.#rows.compare(one, other))) this.#insert(row);
  }

  /** Sorts all rows anew. */
  #beginBulk(): Bulk {
    const rows = allocateWords(this.#sortedCount + this.#waitingCount);
    let count = 0;
    for (const block of this.#blocks) {
      rows.set(block.rows.subarray(0, block.count), count);
      count += block.count;
    }
    rows.set(this.#waiting.subarray(0, this.#waitingCount), count);
    for (const row of rows.subarray(0, count)) this.#rows.setStanding(row, 0);
    this.#blocks = [];
    this.#sortedCount = 0;
    this.#waiting = allocateWords(BLOCK_ROWS_FIRST);
    this.#waitingCount = 0;
    return { rows, steps: this.#sortBulk(rows) };
  }

  /** The blocks hold sorted rows at any moment, so that deletions go on. */
  * #sortBulk(rows: Uint32Array): Generator<void, void> {
    yield* bulkSort(rows, this.#rows);
    for (const [index, row] of rows.entries()) {
      if (this.#isAlive(row)) this.addLast(row);
      if (index % ADDED_ROWS === 0) yield;
    }
  }

  #insert(row: number): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#rows.compare(last.last, row) < 0) {
      this.addLast(row);
      return;
    }
    this.#rows.setStanding(row, 1);
    this.#sortedCount += 1;
    const { block: at, index } = this.positionOf((other) => this.#rows.compare(other, row));
    const block = this.#blocks[at] as Block;
    if (block.count < BLOCK_ROWS_MAX) {
      block.insert(index, row);
      return;
    }
    const upper = block.split();
    this.#blocks.splice(at + 1, 0, upper);
    if (index <= block.count) block.insert(index, row);
    else upper.insert(index - block.count, row);
  }

  /**
   * Returns the position before the first row of which a comparison says that it is not below.
   *
   * @param compareTo negative for the rows below, which come first
   */
  positionOf(compareTo: (row: number) => number): OrderPosition {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareTo((this.#blocks[middle] as Block).last) < 0) low = middle + 1;
      else high = middle;
    }
    const block = low;
    const { rows, count } = this.#blocks[block] ?? { rows: this.#waiting, count: 0 };
    low = 0;
    high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareTo(rows[middle] as number) < 0) low = middle + 1;
      else high = middle;
    }
    return { block, index: low };
  }

  /** Returns the first wanted rows between two positions, or the last ones from the last to the first. */
  rowsBetween(from: OrderPosition, to: OrderPosition, { isReverse, limit, isWanted }: RowSelection): Uint32Array {
    const parts: Uint32Array[] = [];
    const step = isReverse ? -1 : 1;
    let count = 0;
    for (let at = isReverse ? to.block : from.block; at >= from.block && at <= to.block && count < limit; at += step) {
      const block = this.#blocks[at];
      if (block === undefined) continue;
      const all = block.rows.subarray(at === from.block ? from.index : 0, at === to.block ? to.index : block.count);
      const rows = isWanted === undefined ? all : all.filter(isWanted);
      const taken = Math.min(rows.length, limit - count);
      parts.push(isReverse ? rows.slice(rows.length - taken).reverse() : rows.subarray(0, taken));
      count += taken;
    }
    return joined(parts, count);
  }

  /** Counts the rows between two positions; none if the first is behind the other. */
  countBetween(from: OrderPosition, to: OrderPosition): number {
    let count = to.index - from.index;
    for (let at = from.block; at < to.block; at += 1) count += (this.#blocks[at] as Block).count;
    return from.block > to.block ? 0 : Math.max(0, count);
  }

  /** The position before all rows. */
  get start(): OrderPosition {
    return { block: 0, index: 0 };
  }

  /** The position behind all rows. */
  get end(): OrderPosition {
    return { block: this.#blocks.length, index: 0 };
  }
}

/** Compares two positions, for sorting. */
export function comparePositions(a: OrderPosition, b: OrderPosition): number {
  return a.block - b.block || a.index - b.index;
}

function joined(parts: readonly Uint32Array[], count: number): Uint32Array {
  const all = allocateWords(count);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
