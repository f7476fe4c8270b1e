/**
 * What a key may be called.
 */

/** Longest key that a configuration may allow, in bytes of UTF-8. */
export const KEY_BYTES_LIMIT = 1024;

// C0 and DEL and C1: they break terminals and logs, and are sent only by mistake.
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/** Why a text cannot be a key. */
export type KeyFault = 'empty' | 'too_long' | 'control_character' | 'not_well_formed';

/**
 * Says what is wrong with a key.
 *
 * @param key decoded text
 * @param bytesMax longest key, in bytes of UTF-8
 * @returns the first fault, or undefined for a key that may be used
 */
export function findKeyFault(key: string, bytesMax: number = KEY_BYTES_LIMIT): KeyFault | undefined {
  if (key.length === 0) return 'empty';
  if (Buffer.byteLength(key) > bytesMax) return 'too_long';
  if (CONTROL_CHARACTER.test(key)) return 'control_character';
  // A lone surrogate has no UTF-8: it would come back as another key after a restart. (isWellFormed is not in our lib yet.)
  if (/\p{Surrogate}/u.test(key)) return 'not_well_formed';
  return undefined;
}
