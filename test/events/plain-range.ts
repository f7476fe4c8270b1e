/** The meaning of a range of keys, as plainly as possible. */
import type { KeyRange } from '../../src/events/key-range.js';

export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Tells whether a key is in a range. */
export function isWithin(key: string, { prefix = '', start, end }: KeyRange): boolean {
  return Buffer.from(key).indexOf(Buffer.from(prefix)) === 0
    && (start === undefined || compareBytes(key, start) >= 0)
    && (end === undefined || compareBytes(key, end) < 0);
}
