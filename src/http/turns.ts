/**
 * Shares the event loop between long answers and everyone else. A piece of a long answer is made in a turn of the loop of its own,
 * in the order in which they ask; and since Node accepts one new connection in a turn, so that a hundred of them need a hundred
 * turns, pieces step back while connections come in.
 */

/** For how many turns in a row pieces wait for new connections: a steady stream of these must not hold up long answers for good. */
const STEP_BACK_TURNS_MAX = 8;

/** Turns of the event loop for work that takes milliseconds. */
export class Turns {
  #waiting: (() => void)[] = [];
  #hasNewConnection = false;
  #turnsBack = 0;

  /** Notes that a connection came in, in this turn of the loop. */
  noteConnection(): void {
    this.#hasNewConnection = true;
  }

  /**
   * Waits for a turn that no other piece has.
   *
   * @returns resolves in that turn
   */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#pass());
    });
  }

  #pass(): void {
    const stepsBack = this.#hasNewConnection && this.#turnsBack < STEP_BACK_TURNS_MAX;
    this.#hasNewConnection = false;
    this.#turnsBack = stepsBack ? this.#turnsBack + 1 : 0;
    if (!stepsBack) this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#pass());
  }
}
