/**
 * The time of a project: the time stamps of its lines, by which its keys expire too. Small corrections of the clock do not make it go
 * back, while after a large correction it is the true time. Order comes from seq, never from time.
 */
import type { Clock } from '../base/clock.js';

/** How far the clock may lag behind the last line before lines get the true time again, in milliseconds. */
export const HELD_BACK_MS_MAX = 60_000;

/** The clock of one log. */
export class LineClock {
  readonly #clock: Clock;
  readonly #onJump: (fromMs: number, toMs: number) => void;
  #lastMs = 0;

  /** @param onJump called if the clock has gone back by more than {@link HELD_BACK_MS_MAX} */
  constructor(clock: Clock, onJump: (fromMs: number, toMs: number) => void) {
    this.#clock = clock;
    this.#onJump = onJump;
  }

  /**
   * Continues from the last line of an opened log.
   *
   * @param timeMs milliseconds since 1970
   */
  resume(timeMs: number): void {
    this.#lastMs = timeMs;
  }

  /** @returns the time of a line that is written now, in milliseconds since 1970 */
  now(): number {
    const nowMs = this.#clock.wallMs();
    const behindMs = this.#lastMs - nowMs;
    if (behindMs > 0 && behindMs <= HELD_BACK_MS_MAX) return this.#lastMs;
    if (behindMs > HELD_BACK_MS_MAX) this.#onJump(this.#lastMs, nowMs);
    this.#lastMs = nowMs;
    return nowMs;
  }
}
