/**
 * The failure of a command whose input cannot be used. A file of its own, because the exit codes need it.
 */

/** The input, such as a value or a file of operations, cannot be used. Nothing was changed. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
