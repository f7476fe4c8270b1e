/**
 * The id of a request: in the answer, in the server log, and in the event of a change.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { API_KEY_PREFIX } from '../auth/api-key.js';
import { randomHexId } from '../base/random-id.js';

/** The longest request id accepted from a client, in characters. */
export const REQUEST_ID_CHARACTERS_MAX = 128;

const REQUEST_ID = /^[0-9A-Za-z._:@/+=-]+$/;

/** Returns the client's request id if it is valid and not an API key, otherwise a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const { 'x-request-id': sent, 'x-api-key': apiKey, authorization } = headers;
  if (typeof sent !== 'string' || !isRequestId(sent)) return randomHexId();
  // An API key sent in this header by mistake would be in the server log, and permanently in the log of the project.
  const isKey = sent.includes(API_KEY_PREFIX) || sent === apiKey || authorization?.split(' ').at(-1) === sent;
  return isKey ? randomHexId() : sent;
}

/** Tells whether a text can be written to an event as it is: its characters need no escaping in JSON. */
export function isRequestId(text: string): boolean {
  return text.length <= REQUEST_ID_CHARACTERS_MAX && REQUEST_ID.test(text);
}
