/**
 * Waits a moment before a batch is taken, so that more commands share its sync (what databases call group commit). Clients that wait for
 * each answer ask again as soon as they have it. Were a batch taken at once, the commands of those who have just been answered would miss
 * it: the clients would fall into two groups that take turns, and each command would wait for the sync of the other group too.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** So many rounds of the event loop in which no command comes end the wait: a client on the same machine needs one or two. */
const IDLE_ROUNDS_MAX = 3;

/** The commands that wait. */
interface WaitingCommands {
  readonly length: number;
}

/** The wait before each batch of one store. */
export class CommitDelay {
  readonly #queue: WaitingCommands;
  /** How many commands to expect: those who were answered last, and those who waited then. */
  #expected = 1;
  /** How long the last batch took, in milliseconds. */
  #batchMs = 0;

  constructor(queue: WaitingCommands) {
    this.#queue = queue;
  }

  /**
   * Waits for commands until there are as many as can be expected, until no more come, or for as long as the last batch took: beside other
   * work, a round of the event loop may take long. A client that is alone never waits.
   */
  async wait(): Promise<void> {
    const endMs = performance.now() + this.#batchMs;
    for (let idleRounds = 0; idleRounds < IDLE_ROUNDS_MAX && this.#isWorthWaiting(endMs);) {
      const { length } = this.#queue;
      await nextTurn();
      idleRounds = this.#queue.length > length ? 0 : idleRounds + 1;
    }
  }

  #isWorthWaiting(endMs: number): boolean {
    return this.#queue.length < this.#expected && performance.now() < endMs;
  }

  /**
   * Notes a batch once it is answered.
   *
   * @param durationMs from when it was taken, in milliseconds
   */
  noteBatch(count: number, durationMs: number): void {
    this.#expected = count + this.#queue.length;
    this.#batchMs = durationMs;
  }
}
