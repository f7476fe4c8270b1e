/**
 * The rules for the name of a key.
 */

/** Upper limit of the configurable key length, in bytes of UTF-8. */
export const KEY_BYTES_LIMIT = 1024;

/** The usual key: of as many bytes as characters, none of which is a control character. */
const PLAIN = /^[ -~]+$/;
// C0, DEL and C1: they break terminals and logs, and are sent only by mistake.
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/** Why a text is not a valid key. */
export type KeyFault = 'empty' | 'too_long' | 'control_character' | 'not_well_formed';

/**
 * Returns the first fault of a decoded key; undefined if it is valid.
 *
 * @param bytesMax the longest key, in bytes of UTF-8
 */
export function findKeyFault(key: string, bytesMax: number = KEY_BYTES_LIMIT): KeyFault | undefined {
  if (key.length === 0) return 'empty';
  if (key.length <= bytesMax && PLAIN.test(key)) return undefined;
  if (Buffer.byteLength(key) > bytesMax) return 'too_long';
  if (CONTROL_CHARACTER.test(key)) return 'control_character';
  // A lone surrogate has no UTF-8 encoding: after a restart it would be another key. (isWellFormed is not in our lib yet.)
  if (/\p{Surrogate}/u.test(key)) return 'not_well_formed';
  return undefined;
}
