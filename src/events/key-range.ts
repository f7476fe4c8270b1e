/**
 * Ranges of keys, in the order of their UTF-8 bytes.
 */
import { compareUtf8 } from '../base/compare-utf8.js';

/** Keys that fulfil each given condition; without one, all keys. */
export interface KeyRange {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** Lower bound, inclusive. */
  readonly start?: string;
  /** Upper bound, exclusive. */
  readonly end?: string;
}

/** A range that is walked in one direction. The bounds are the same in both. */
export interface DirectedRange extends KeyRange {
  /** Only keys after this one in the direction of iteration. */
  readonly after?: string;
  /** From the last key to the first. @default false */
  readonly reverse?: boolean;
}

/** A range as an interval of bytes. */
interface ByteInterval {
  /** The lowest key that there can be in it, or its beginning. */
  readonly from: Buffer;
  /** Above all keys in it, though no key itself; undefined: there is no upper bound. */
  readonly to: Buffer | undefined;
}

/** No byte of UTF-8. */
const ABOVE_UTF8 = Buffer.from([0xff]);

/** Tells whether a key is in a range. */
export function isInRange(key: string, { prefix = '', start = '', end }: KeyRange): boolean {
  return key.startsWith(prefix) && compareUtf8(key, start) >= 0 && (end === undefined || compareUtf8(key, end) < 0);
}

/** Tells whether a key that begins with a text can be in a range. */
export function mayHavePrefix(range: KeyRange, prefix: string): boolean {
  const [own, other] = [intervalOf(range), intervalOf({ prefix })];
  const isAbove = (from: Buffer, to: Buffer | undefined): boolean => to !== undefined && Buffer.compare(from, to) >= 0;
  return !isAbove(own.from, own.to) && !isAbove(own.from, other.to) && !isAbove(other.from, own.to);
}

/** Returns a range as an interval of the UTF-8 bytes of keys. */
export function intervalOf({ prefix = '', start = '', end }: KeyRange): ByteInterval {
  const afterPrefix = prefix === '' ? undefined : Buffer.concat([Buffer.from(prefix), ABOVE_UTF8]);
  const tops = [...(end === undefined ? [] : [Buffer.from(end)]), ...(afterPrefix === undefined ? [] : [afterPrefix])];
  return { from: Buffer.from(compareUtf8(prefix, start) < 0 ? start : prefix), to: tops.sort((a, b) => Buffer.compare(a, b))[0] };
}
