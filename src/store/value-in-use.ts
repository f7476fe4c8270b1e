/**
 * The refusal of a redaction that would erase the value that a key has now.
 */
import { AppError } from '../base/app-error.js';
import { countText } from '../base/count-text.js';

/** Keys that a refusal names. */
const SHOWN_KEYS_MAX = 100;

/** Returns the refusal. */
export function valueInUse(keys: readonly string[]): AppError {
  const count = countText(keys.length, 'value');
  const message = `Cannot erase the lines: ${count} in them ${keys.length === 1 ? 'is' : 'are'} current; change or delete these keys first`;
  return new AppError('value_in_use', message, { facts: { keys: keys.slice(0, SHOWN_KEYS_MAX) } });
}
