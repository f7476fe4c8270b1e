/**
 * The check of a key of data, in a path or in a body.
 */
import { AppError, type ErrorFacts } from '../base/app-error.js';
import { findKeyFault, type KeyFault } from '../events/key-name.js';

const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  empty: 'it is empty',
  too_long: 'it is too long',
  control_character: 'it contains a control character',
  not_well_formed: 'it is not well-formed text',
};

/**
 * Checks a decoded key.
 *
 * @param bytesMax the longest key, in bytes of UTF-8
 * @param place more facts for the refusal, such as where the key is
 * @throws {AppError} `invalid_key`
 */
export function checkKey(key: string, bytesMax: number, place: ErrorFacts = {}): void {
  const fault = findKeyFault(key, bytesMax);
  if (fault === undefined) return;
  const facts = fault === 'too_long' ? { reason: fault, limit: bytesMax, actual: Buffer.byteLength(key) } : { reason: fault };
  throw new AppError('invalid_key', `Cannot use this key: ${KEY_FAULTS[fault]}`, { facts: { ...facts, ...place } });
}
