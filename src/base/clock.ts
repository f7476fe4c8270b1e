/**
 * The wall clock and the monotonic clock behind one interface, so that tests can set them.
 */

/** A source of time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z by the wall clock; may jump in either direction. */
  wallMs(): number;
  /** Milliseconds since an arbitrary moment; never decreases. */
  monotonicMs(): number;
}

/** The clocks of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
