/**
 * Errors of changes that are in force although a later step failed: the answer has to say so.
 */
import { AppError, withDiskCode } from '../../base/app-error.js';

/**
 * Marks an error as one of a change that is in force: only a later step failed.
 *
 * @param message the failed step without the reason: `Cannot erase the files of the project "a"`
 * @returns the error with `applied: true`; a defect stays as it is
 */
export function asApplied(error: unknown, message: string): unknown {
  const known = withDiskCode(error, message);
  if (!(known instanceof AppError)) return error;
  const text = known.message.startsWith(message) ? known.message : `${message}: ${known.message}`;
  return new AppError(known.code, text, { cause: error, facts: { ...known.facts, applied: true } });
}

/**
 * Marks an error that replaced the answer with a new key: the key is in force, but nothing has shown it.
 *
 * @returns the error with `applied: true` and `key_lost: true`
 */
export function withLostKey(error: unknown, project: string): AppError {
  const known = error instanceof AppError ? error : new AppError('internal_error', 'Cannot finish the change', { cause: error });
  const message = `${known.message}. The new key of the project "${project}" is in force but was not returned: regenerate it`;
  return new AppError(known.code, message, { cause: error, facts: { ...known.facts, applied: true, key_lost: true } });
}

/**
 * Runs the steps that remain after the commit of a change. A failed step does not prevent the others.
 *
 * @param steps run in this order
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
