/**
 * How a change of projects fails: what its answer says of a disk that failed, and of a change that is in force all the same.
 */
import { AppError, withDiskCode } from '../base/app-error.js';

/**
 * Says of a failure that the change is in force: only what had to be done after it is missing.
 *
 * @param message what could not be done, without the reason: `Cannot erase the files of the project "a"`
 * @returns the failure with `applied: true`; a defect stays what it is
 */
export function asApplied(error: unknown, message: string): unknown {
  const known = withDiskCode(error, message);
  if (!(known instanceof AppError)) return error;
  return new AppError(known.code, known.message, { cause: error, facts: { ...known.facts, applied: true } });
}

/**
 * Says of a failure that it took the place of a new key: the key is in force, and no one knows it.
 *
 * @returns the failure with `applied: true` and `key_lost: true`
 */
export function withLostKey(error: unknown, project: string): AppError {
  const known = error instanceof AppError ? error : new AppError('internal_error', 'Cannot finish the change', { cause: error });
  const message = `${known.message}. The project "${project}" has a new key that could not be answered: regenerate it`;
  return new AppError(known.code, message, { cause: error, facts: { ...known.facts, applied: true, key_lost: true } });
}

/**
 * Does what remains to be done after a change has become unalterable. One step that fails keeps none of the others from being done.
 *
 * @param steps in their order
 * @throws the first failure, with `applied: true`
 */
export async function finishApplied(message: string, steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw asApplied(failures[0], message);
}
