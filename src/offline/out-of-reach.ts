/**
 * A point of the past that a log does not hold.
 */

/** On which side of the log the point lies. */
export type OutOfReachSide = 'before' | 'after';

/** The log does not reach where it was asked for, or does not begin early enough. */
export class OutOfReachError extends Error {
  override readonly name = 'OutOfReachError';
  readonly side: OutOfReachSide;
  readonly #wanted: string;
  readonly #why: string;

  /** @param wanted what was asked for, such as `replay "shop" up to seq 3` */
  constructor(wanted: string, side: OutOfReachSide, why: string) {
    super(`Cannot ${wanted}: ${why}`);
    this.#wanted = wanted;
    this.#why = why;
    this.side = side;
  }

  /**
   * Adds where else to look.
   *
   * @param advice whole sentences
   */
  with(advice: string): OutOfReachError {
    return new OutOfReachError(this.#wanted, this.side, `${this.#why}. ${advice}`);
  }
}
