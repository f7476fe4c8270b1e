/**
 * The id of a request: in the answer, in the server log, and in the event of a change.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { API_KEY_PREFIX } from '../auth/api-key.js';
import { randomHexId } from '../base/random-id.js';
import { IDEMPOTENT_PREFIX } from '../events/idempotency.js';

/** The longest request id accepted from a client, in characters. */
export const REQUEST_ID_CHARACTERS_MAX = 128;

const REQUEST_ID = /^[0-9A-Za-z._:@/+=-]+$/;

/** Returns the client's request id if it is valid and not an API key, otherwise a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const { 'x-request-id': sent } = headers;
  if (typeof sent !== 'string' || !isRequestId(sent)) return randomHexId();
  // Such ids are those of requests with an Idempotency-Key, and of no others.
  return sent.startsWith(IDEMPOTENT_PREFIX) || holdsApiKey(sent, headers) ? randomHexId() : sent;
}

/**
 * Tells whether a text is, or has in it, an API key, sent by mistake: it would be in the server log, and permanently in the log of the
 * project.
 */
export function holdsApiKey(text: string, { 'x-api-key': apiKey, authorization }: IncomingHttpHeaders): boolean {
  return text.includes(API_KEY_PREFIX) || text === apiKey || authorization === text || (authorization?.endsWith(` ${text}`) ?? false);
}

/** Tells whether a text can be written to an event as it is: its characters need no escaping in JSON. */
export function isRequestId(text: string): boolean {
  return text.length <= REQUEST_ID_CHARACTERS_MAX && REQUEST_ID.test(text);
}
