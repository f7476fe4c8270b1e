/**
 * Where a range of keys lies in their sorted order.
 */
import type { DirectedRange } from '../../events/key-range.js';
import { comparePositions, type KeyOrder, type OrderPosition } from './key-order.js';

/** The rows of a range: none if the second position is not behind the first. */
export interface OrderBounds {
  readonly first: OrderPosition;
  readonly behind: OrderPosition;
}

/** Compares the keys of rows with bytes. */
interface RowKeys {
  /** Negative if the key of the row comes first. */
  compare(row: number, bytes: Buffer): number;
  /** Length of the beginning that both have. */
  sharedBytes(row: number, bytes: Buffer): number;
}

/** Finds a range. No row waits to be sorted in. */
export function boundsOf(
  order: KeyOrder, { start, end, prefix, after, reverse = false }: DirectedRange, keys: RowKeys,
): OrderBounds {
  const before = (text: string): OrderPosition => {
    const bytes = Buffer.from(text);
    return order.positionOf((row) => keys.compare(row, bytes));
  };
  /** Behind all keys with a prefix. */
  const behindAll = (text: string): OrderPosition => {
    const bytes = Buffer.from(text);
    return order.positionOf((row) => (keys.sharedBytes(row, bytes) === bytes.length ? -1 : keys.compare(row, bytes)));
  };
  const from = [order.start];
  const to = [order.end];
  if (start !== undefined) from.push(before(start));
  if (end !== undefined) to.push(before(end));
  if (prefix !== undefined) {
    from.push(before(prefix));
    to.push(behindAll(prefix));
  }
  if (after !== undefined && reverse) to.push(before(after));
  else if (after !== undefined) from.push(before(`${after}\0`));
  const first = from.reduce((a, b) => (comparePositions(a, b) < 0 ? b : a));
  const behind = to.reduce((a, b) => (comparePositions(a, b) > 0 ? b : a));
  return { first, behind };
}
