/**
 * Ranges of keys, and where an iteration over sorted keys enters and leaves them.
 */
import { compareUtf8 } from '../base/compare-utf8.js';

/** The keys of a listing. Without members: all, ascending. */
export interface KeyRange {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** Lower bound, inclusive, in both directions. */
  readonly start?: string;
  /** Upper bound, exclusive, in both directions. */
  readonly end?: string;
  /** Only keys after this one in the direction of iteration. */
  readonly after?: string;
  /** From the last key to the first. @default false */
  readonly reverse?: boolean;
}

/**
 * Returns the key at which an iteration starts. It may be some keys before the range; see {@link isBefore}.
 *
 * @returns undefined for the first key in the direction of iteration
 */
export function iterationStart(range: KeyRange): string | undefined {
  if (range.reverse !== true) return extreme([range.start, range.prefix, range.after], (order) => order > 0);
  return extreme([range.end, range.after, upperBoundOfPrefix(range.prefix)], (order) => order < 0);
}

/** Tells whether a key is before the range in the direction of iteration, so that the iteration skips it. */
export function isBefore(range: KeyRange, key: string): boolean {
  if (range.after === key) return true;
  if (range.reverse !== true) return false;
  if (range.end !== undefined && compareUtf8(key, range.end) >= 0) return true;
  return range.prefix !== undefined && !key.startsWith(range.prefix) && compareUtf8(key, range.prefix) > 0;
}

/** Tells whether a key is behind the range in the direction of iteration, so that the iteration ends. */
export function isBeyond(range: KeyRange, key: string): boolean {
  if (range.prefix !== undefined && !key.startsWith(range.prefix)) return true;
  if (range.reverse === true) return range.start !== undefined && compareUtf8(key, range.start) < 0;
  return range.end !== undefined && compareUtf8(key, range.end) >= 0;
}

function extreme(bounds: readonly (string | undefined)[], wins: (order: number) => boolean): string | undefined {
  let best: string | undefined;
  for (const bound of bounds) {
    if (bound !== undefined && (best === undefined || wins(compareUtf8(bound, best)))) best = bound;
  }
  return best;
}

const HIGHEST_CODE_POINT = '\u{10ffff}';
/** A key of 1,024 bytes holds at most 256 of the longest characters. */
const HIGHEST_REPEATED = HIGHEST_CODE_POINT.repeat(256);

/** Returns a text at or above every key with the prefix. No text is the exact bound. */
function upperBoundOfPrefix(prefix: string | undefined): string | undefined {
  return prefix === undefined ? undefined : prefix + HIGHEST_REPEATED;
}
