/**
 * The first middleware: gives a request its id and its state.
 */
import { isRequestId, newRequestId } from '../../base/request-id.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { NO_HEADERS } from '../request-headers.js';
import { NO_TARGET } from '../target.js';

/** The header that carries a request's id both ways. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/**
 * Takes over the client's request id where it is fit to stand in the log, makes one otherwise, and echoes it.
 *
 * @returns the middleware
 */
export function beginRequest(): AppMiddleware {
  return function begin(ctx, next) {
    const sent = ctx.req.headers['x-request-id'];
    const requestId = typeof sent === 'string' && isRequestId(sent) ? sent : newRequestId();
    ctx.state = newState(requestId);
    ctx.set(REQUEST_ID_HEADER, requestId);
    ctx.set('X-Content-Type-Options', 'nosniff');
    return next();
  };
}

function newState(requestId: string): AppContext['state'] {
  return {
    requestId,
    headers: NO_HEADERS,
    target: NO_TARGET,
    principal: null,
    projectId: null,
    problemCode: null,
    bodyWanted: false,
    requestBytes: 0,
    streamedBytes: 0,
  };
}
