/**
 * The id that ties together a request, its line in the server log and the event it made.
 */
import { randomHexId } from './random-id.js';

/** The longest id that is taken over from a client, in characters. */
export const REQUEST_ID_CHARACTERS_MAX = 128;

const REQUEST_ID = /^[0-9A-Za-z._:@/+=-]+$/;

/**
 * Tells whether text may stand in an event line as a request id as it is: nothing in it needs escaping in JSON.
 *
 * @returns true for 1 to {@link REQUEST_ID_CHARACTERS_MAX} characters of letters, digits and `._:@/+=-`
 */
export function isRequestId(text: string): boolean {
  return text.length <= REQUEST_ID_CHARACTERS_MAX && REQUEST_ID.test(text);
}

/**
 * Makes a new request id.
 *
 * @returns 32 hexadecimal digits
 */
export function newRequestId(): string {
  return randomHexId();
}
