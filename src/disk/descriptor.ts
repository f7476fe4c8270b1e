/**
 * A descriptor of the operating system and the calls queued on it. It is closed only after those calls: otherwise a queued call, such as
 * a sync behind others, would use a number that is invalid or refers to another file by then.
 */
import { InvariantError } from '../base/invariant.js';

/** Tracks the calls on a descriptor, including queued ones. */
export class Descriptor {
  readonly #path: string;
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @param path the path it was opened with, for errors */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Runs a call that uses the descriptor, immediately or after waiting for its turn.
   *
   * @returns what the call resolves to
   * @throws {InvariantError} after {@link Descriptor.close}: a defect of the caller, not a failure of the disk
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new InvariantError(`Cannot use "${this.#path}": its descriptor has been closed`);
    const work = call();
    this.#pending.add(work);
    try {
      return await work;
    } finally {
      this.#pending.delete(work);
    }
  }

  /**
   * Waits for the calls made so far, then closes the descriptor with `close`.
   *
   * @throws {InvariantError} if it has been closed
   */
  async close(close: () => Promise<void>): Promise<void> {
    if (this.#isClosed) throw new InvariantError(`Cannot close "${this.#path}": its descriptor has been closed`);
    this.#isClosed = true;
    await Promise.allSettled(this.#pending);
    await close();
  }
}
