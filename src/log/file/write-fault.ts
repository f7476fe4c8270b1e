/**
 * What is answered and told when a write to a log in files does not succeed. Decides nothing about the file.
 */
import { AppError } from '../../base/app-error.js';

/** What the server log says of an error that is this program's own. */
export const DEFECT_TOLD = 'the log met a defect of the server; the disk has not failed, and the log goes on';

/** Makes the answer for lines of which only a restart can tell what has become of them. */
export function outcomeUnknown(why: string, cause?: unknown): AppError {
  return new AppError('outcome_unknown', `Cannot say whether the lines were appended: ${why}`, { cause });
}

/** Makes the answer for a log that takes nothing any more. */
export function logFailed(why: string, cause?: unknown): AppError {
  return new AppError('log_failed', `Cannot append to the log: ${why}`, { cause });
}
