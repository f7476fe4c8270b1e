/**
 * The first middleware: gives a request its id and its state.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { API_KEY_PREFIX } from '../../auth/api-key.js';
import { randomHexId } from '../../base/random-id.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { NO_HEADERS } from '../request-headers.js';
import { NO_TARGET } from '../target.js';

const REQUEST_ID_HEADER = 'X-Request-Id';

/** The longest request id accepted from a client, in characters. */
export const REQUEST_ID_CHARACTERS_MAX = 128;

const REQUEST_ID = /^[0-9A-Za-z._:@/+=-]+$/;

/** Accepts the client's request id if it is valid and not an API key, otherwise generates one; returns it in the response. */
export function beginRequest(addressOf: (request: IncomingMessage) => string): AppMiddleware {
  return function begin(ctx, next) {
    const requestId = idSent(ctx.req.headers) ?? randomHexId();
    // Read now: the socket may be gone when the request is logged.
    ctx.state = newState(requestId, addressOf(ctx.req));
    ctx.set(REQUEST_ID_HEADER, requestId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    return next();
  };
}

/** An API key sent in this header by mistake would be in the server log, and permanently in the log of the project. */
function idSent(headers: IncomingHttpHeaders): string | undefined {
  const { 'x-request-id': sent, 'x-api-key': apiKey, authorization } = headers;
  if (typeof sent !== 'string' || !isRequestId(sent)) return undefined;
  const isKey = sent.includes(API_KEY_PREFIX) || sent === apiKey || authorization?.split(' ').at(-1) === sent;
  return isKey ? undefined : sent;
}

/** Tells whether a text can be written to an event as it is: its characters need no escaping in JSON. */
export function isRequestId(text: string): boolean {
  return text.length <= REQUEST_ID_CHARACTERS_MAX && REQUEST_ID.test(text);
}

function newState(requestId: string, remote: string): AppContext['state'] {
  return {
    requestId,
    remote,
    headers: NO_HEADERS,
    target: NO_TARGET,
    principal: null,
    authorization: null,
    projectId: null,
    problemCode: null,
    bodyWanted: false,
    requestBytes: 0,
    reservation: null,
    streamedBytes: 0,
  };
}
