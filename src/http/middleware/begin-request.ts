/**
 * The first middleware: gives a request its id and its state.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { API_KEY_PREFIX } from '../../auth/api-key.js';
import { isRequestId, newRequestId } from '../../base/request-id.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { NO_HEADERS } from '../request-headers.js';
import { NO_TARGET } from '../target.js';

/** The header that carries a request's id both ways. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** Takes over the client's request id where it is fit to stand in the log and is no API key, makes one otherwise, and echoes it. */
export function beginRequest(addressOf: (request: IncomingMessage) => string): AppMiddleware {
  return function begin(ctx, next) {
    const requestId = idSent(ctx.req.headers) ?? newRequestId();
    // Asked now: when the request is logged, its socket may be gone.
    ctx.state = newState(requestId, addressOf(ctx.req));
    ctx.set(REQUEST_ID_HEADER, requestId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    return next();
  };
}

/** An API key that strayed into this header would stand in the server log, and in the project's for ever. */
function idSent(headers: IncomingHttpHeaders): string | undefined {
  const { 'x-request-id': sent, 'x-api-key': apiKey, authorization } = headers;
  if (typeof sent !== 'string' || !isRequestId(sent)) return undefined;
  const isKey = sent.includes(API_KEY_PREFIX) || sent === apiKey || authorization?.split(' ').at(-1) === sent;
  return isKey ? undefined : sent;
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
    room: null,
    streamedBytes: 0,
  };
}
