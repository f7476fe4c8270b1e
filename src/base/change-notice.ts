/**
 * Wakes whatever waits for a change of something. Owns the waiting; does not know what changed.
 */

/** Wakes all current waiters, once each. */
export class ChangeNotice {
  #waiting = new Set<() => void>();

  /** Number of current waiters. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Wakes everyone who is waiting now. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resume of waiting) resume();
  }

  /**
   * Calls back once, at the next {@link ChangeNotice.wake}.
   *
   * @returns takes the wish back
   */
  once(resume: () => void): () => void {
    const waiter = (): void => resume();
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  /**
   * Waits for the next {@link ChangeNotice.wake}.
   *
   * @param signal ends the waiting
   * @throws the signal's reason
   */
  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      const resume = (): void => {
        signal?.removeEventListener('abort', resume);
        // An aborted waiter must not stay in the set: on a quiet log nothing would ever remove it.
        forget();
        resolve();
      };
      const forget = this.once(resume);
      signal?.addEventListener('abort', resume, { once: true });
    });
    signal?.throwIfAborted();
  }
}
