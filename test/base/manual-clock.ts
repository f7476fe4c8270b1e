/** A clock that stands still until a test sets it. */
import type { Clock } from '../../src/base/clock.js';

/** The initial time: 2026-11-22T10:00:00.000Z. */
export const MANUAL_CLOCK_START_MS = Date.UTC(2026, 10, 22, 10);

/** The wall clock and the monotonic clock, set by a test. */
export class ManualClock implements Clock {
  #wallMs = MANUAL_CLOCK_START_MS;
  #monotonicMs = 0;

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /**
   * Advances both clocks.
   *
   * @param durationMs At least 0
   */
  advance(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  /**
   * Sets the wall clock, as a time correction does.
   *
   * @param wallMs Milliseconds since 1970
   */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }
}
