/**
 * The contract of past states: the keys of a project as they were after one line of its log. Reading one needs neither the live model nor
 * the log, and changes nothing.
 *
 * - A state never changes: two readings of one state give the same, however long they take.
 * - It has no key that had expired by the time of its line.
 * - It is found by its seq. What a time means is decided before, by the feed.
 * - Who reads one holds a lease on it. Without leases it may be dropped at any time, and is built again when it is asked for.
 * - A lease does not outlive the project's log: once that is deleted, moved or redacted, the readings of its states reject.
 */
import type { DirectedRange, KeyRange } from '../events/key-range.js';
import type { KeyVersion } from '../events/key-version.js';

/** A key of a past state, without its value. */
export interface PastEntry extends KeyVersion {
  readonly key: string;
  /** When its version was made, in milliseconds since 1970. */
  readonly timeMs: number;
  /** When it was to expire, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null;
  /** Length of its value: in bytes, or in UTF-16 units if it is in memory. */
  readonly sizeBytes: number;
}

/** The first entries of a range. */
export interface PastSlice {
  readonly entries: readonly PastEntry[];
  /** True if the range has no more entries; false if it may have more. */
  readonly isLast: boolean;
}

/** A past state. */
export interface PastState {
  /** The last line in it; 0 for the empty state before the first line. */
  readonly seq: number;
  /** Time of that line, in milliseconds since 1970; 0 without one. */
  readonly timeMs: number;
  /** Number of keys. */
  readonly count: number;

  /** Finds a key; undefined if it did not exist. */
  get(key: string): Promise<PastEntry | undefined>;

  /** Counts the keys of a range. */
  countIn(range: KeyRange): Promise<number>;

  /**
   * Finds the first entries of a range, in its direction. To read on, pass the same range `after` the last key.
   *
   * @param limit maximum number of entries, from 1
   * @returns fewer than the limit only if there are no more
   */
  slice(range: DirectedRange, limit: number): Promise<PastSlice>;

  /**
   * Loads the values of entries of this state. The caller bounds their sizes, and has reserved memory for them.
   *
   * @returns their JSON texts, token for token, in the order of the entries
   * @throws {AppError} `disk_failed` if a stored value is not what was written; the state is then dropped, and another attempt builds it
   *   again
   */
  load(entries: readonly PastEntry[]): Promise<readonly string[]>;
}

/** A past state that is kept while it is read. */
export interface PastLease {
  readonly state: PastState;
  /** Ends the lease. Idempotent. */
  release(): void;
}
