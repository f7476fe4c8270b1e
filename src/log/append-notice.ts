/**
 * How followers learn that a log has grown or ended. Owns the waiting; knows no lines.
 */

/** Wakes everyone who waits, once each time. */
export class AppendNotice {
  #waiting = new Set<() => void>();

  /** How many wait now. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Wakes everyone who waits now. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resume of waiting) resume();
  }

  /**
   * Waits for the next {@link AppendNotice.wake}.
   *
   * @param signal gives up when raised
   * @throws the signal's reason
   */
  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      const resume = (): void => {
        signal?.removeEventListener('abort', resume);
        // One that gave up is not kept: on a quiet log nothing would ever wake it.
        this.#waiting.delete(resume);
        resolve();
      };
      signal?.addEventListener('abort', resume, { once: true });
      this.#waiting.add(resume);
    });
    signal?.throwIfAborted();
  }
}
