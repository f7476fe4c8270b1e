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
 * @param message the assumption, as a sentence without a full stop; a function where the text would be made for each of millions of lines
 * @throws {InvariantError} if `condition` is false
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${typeof message === 'string' ? message : message()}`);
}
