/**
 * Which keys a listing has, and in which direction.
 */

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
