/**
 * The time that lines are stamped with: for people, so it does not go backwards for small corrections of the clock, and
 * tells the truth after large ones. Order is by seq, never by this.
 */
import type { Clock } from '../base/clock.js';

/** How far the clock may lag behind the last line before the true time is written, in milliseconds. */
export const HELD_BACK_MS_MAX = 60_000;

/** Stamps lines. */
export class LineClock {
  readonly #clock: Clock;
  readonly #onJump: (fromMs: number, toMs: number) => void;
  #lastMs = 0;

  /** @param onJump told when the clock has gone back by more than {@link HELD_BACK_MS_MAX} */
  constructor(clock: Clock, onJump: (fromMs: number, toMs: number) => void) {
    this.#clock = clock;
    this.#onJump = onJump;
  }

  /**
   * Takes over the time of the last line of an opened log.
   *
   * @param timeMs milliseconds since 1970
   */
  resume(timeMs: number): void {
    this.#lastMs = timeMs;
  }

  /** @returns the time for the next line, in milliseconds since 1970 */
  next(): number {
    const nowMs = this.#clock.wallMs();
    const behindMs = this.#lastMs - nowMs;
    if (behindMs > 0 && behindMs <= HELD_BACK_MS_MAX) return this.#lastMs;
    if (behindMs > HELD_BACK_MS_MAX) this.#onJump(this.#lastMs, nowMs);
    this.#lastMs = nowMs;
    return nowMs;
  }
}
