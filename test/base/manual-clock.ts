/** A clock that stands still until it is turned. */
import type { Clock } from '../../src/base/clock.js';

/** Where a manual clock stands at first: 2026-11-22T10:00:00.000Z. */
export const MANUAL_CLOCK_START_MS = Date.UTC(2026, 10, 22, 10);

/** Both clocks of a machine, turned by hand. */
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
   * Lets time pass on both clocks.
   *
   * @param durationMs At least 0
   */
  advance(durationMs: number): void {
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  /**
   * Sets the wall clock, as a correction of the machine's time does.
   *
   * @param wallMs Milliseconds since 1970
   */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }
}
