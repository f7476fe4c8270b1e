/**
 * Shares the event loop between long answers and everything else. Each piece of a long answer gets a turn of the loop of its own, in the
 * order of the requests for one. Node accepts one connection per turn, so a hundred new connections need a hundred turns; pieces step
 * back while connections arrive.
 */

/** Turns in a row for which pieces step back: a steady stream of connections must not block long answers indefinitely. */
const STEP_BACK_TURNS_MAX = 8;

/** Turns of the event loop for work that takes milliseconds. */
export class EventLoopTurns {
  #waiting: (() => void)[] = [];
  #hasNewConnection = false;
  #turnsBack = 0;

  /** Notes that a connection arrived in this turn of the loop. */
  noteConnection(): void {
    this.#hasNewConnection = true;
  }

  /** Resolves in a turn that no other piece has. */
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
