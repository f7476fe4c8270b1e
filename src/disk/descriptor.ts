/**
 * One descriptor of the operating system and the work that is queued on it. A descriptor is closed when that work is done and not
 * before: a call that still waits for its turn, such as a sync behind others, would otherwise meet a number that means nothing any
 * more, or another file.
 */
import { InvariantError } from '../base/invariant.js';

/** Counts the calls on a descriptor, those that wait included. */
export class Descriptor {
  readonly #path: string;
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @param path what it was opened by, for errors */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes a call on the descriptor.
   *
   * @param call uses the descriptor, at once or after waiting for a turn
   * @returns what the call resolves to
   * @throws {InvariantError} after {@link Descriptor.close}: the caller is at fault then, and the disk is not
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
   * Lets the calls made so far finish, then closes. Calling it again is a defect like any later call.
   *
   * @param close closes the descriptor
   */
  async close(close: () => Promise<void>): Promise<void> {
    if (this.#isClosed) throw new InvariantError(`Cannot close "${this.#path}": its descriptor has been closed`);
    this.#isClosed = true;
    await Promise.allSettled(this.#pending);
    await close();
  }
}
