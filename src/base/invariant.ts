/**
 * What must hold, said in code. Owns one function; knows nothing of any other room.
 */

/** A broken assumption of our own: a defect in this program, never a fault of its input. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Stops the program's present work when something that must hold does not.
 *
 * @param condition what must be true
 * @param message what was assumed, as a sentence without a full stop
 * @throws {InvariantError} when `condition` is false
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${message}`);
}
