/**
 * Failures that the caller survives: logged, after which execution continues.
 */
import type { Logger } from './logger.js';

type FailureLevel = 'debug' | 'warn' | 'error';

/**
 * Makes a handler for `.catch()` that logs the error as `err` and resolves to undefined. A caller that must react to the failure
 * needs a `catch` block of its own.
 *
 * @param fields what the line names besides the error
 * @param message what failed, what that costs, and who tries again
 */
export function logFailure(
  logger: Pick<Logger, FailureLevel>, level: FailureLevel, fields: Readonly<Record<string, unknown>>, message: string,
): (error: unknown) => undefined {
  return (error) => {
    logger[level]({ ...fields, err: error }, message);
    return undefined;
  };
}
