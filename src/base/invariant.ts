/**
 * Assertions about this program itself.
 */

/** A defect of this program, never an error in its input. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Throws unless the condition holds.
 *
 * @param message the assumption, as a sentence without a full stop
 * @throws {InvariantError} if `condition` is false
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${message}`);
}
