/**
 * Which keys a listing is about, and where a walk over sorted keys enters and leaves them.
 */
import { compareUtf8 } from '../base/compare-utf8.js';

/** Which keys a listing is about. Without members: all, ascending. */
export interface KeyRange {
  /** Only keys that begin with this. */
  readonly prefix?: string;
  /** Lower bound, inclusive, whatever the direction. */
  readonly start?: string;
  /** Upper bound, exclusive, whatever the direction. */
  readonly end?: string;
  /** Only keys that come after this one in the direction of travel. */
  readonly after?: string;
  /** From the last key to the first. @default false */
  readonly reverse?: boolean;
}

/**
 * Says where a walk enters a range.
 *
 * @returns where a walk begins at the latest; undefined for the first key in the direction of travel
 */
export function entryOf(range: KeyRange): string | undefined {
  if (range.reverse !== true) return maximum([range.start, range.prefix, range.after]);
  // The upper bound of a prefix has no text of its own; the walk begins at the last key and is brought down to it.
  return minimum([range.end, range.after, upperBoundOfPrefix(range.prefix)]);
}

/**
 * Tells the keys that a walk meets too early.
 *
 * @returns true for keys before the range begins
 */
export function isBefore(range: KeyRange, key: string): boolean {
  if (range.after === key) return true;
  if (range.reverse !== true) return false;
  if (range.end !== undefined && compareUtf8(key, range.end) >= 0) return true;
  return range.prefix !== undefined && !key.startsWith(range.prefix) && compareUtf8(key, range.prefix) > 0;
}

/**
 * Tells the keys that a walk ends at.
 *
 * @returns true for keys behind the end of the range: the walk is over
 */
export function isBeyond(range: KeyRange, key: string): boolean {
  if (range.prefix !== undefined && !key.startsWith(range.prefix)) return true;
  if (range.reverse === true) return range.start !== undefined && compareUtf8(key, range.start) < 0;
  return range.end !== undefined && compareUtf8(key, range.end) >= 0;
}

function maximum(bounds: readonly (string | undefined)[]): string | undefined {
  return pick(bounds, (order) => order > 0);
}

function minimum(bounds: readonly (string | undefined)[]): string | undefined {
  return pick(bounds, (order) => order < 0);
}

function pick(bounds: readonly (string | undefined)[], wins: (order: number) => boolean): string | undefined {
  let picked: string | undefined;
  for (const bound of bounds) {
    if (bound === undefined) continue;
    if (picked === undefined || wins(compareUtf8(bound, picked))) picked = bound;
  }
  return picked;
}

/** A text at or above every key with the prefix: the prefix and the highest code point, as often as a key has bytes to spare. */
const HIGHEST_CODE_POINT = '\u{10ffff}';
/** A key of 1,024 bytes holds at most 256 of the longest characters. */
const HIGHEST_REPEATED = HIGHEST_CODE_POINT.repeat(256);

function upperBoundOfPrefix(prefix: string | undefined): string | undefined {
  return prefix === undefined ? undefined : prefix + HIGHEST_REPEATED;
}
