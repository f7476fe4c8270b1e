/**
 * The range of keys in a query.
 */
import type { KeyRange } from '../events/key-range.js';

/** Its parameters, as text. */
type RangeParameters = { readonly [Bound in keyof KeyRange]?: string | undefined };

/** Returns the range that the parameters describe. */
export function rangeIn({ prefix, start, end }: RangeParameters): KeyRange {
  return {
    ...(prefix === undefined ? {} : { prefix }), ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }),
  };
}

/** Tells whether a range has every key. */
export function isWhole({ prefix, start, end }: KeyRange): boolean {
  return prefix === undefined && start === undefined && end === undefined;
}
