/**
 * The access log: one line per request. It has the pattern of the route, never the target, which may contain keys of data and API keys.
 */
import type { Logger } from '../../base/logger.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { actorOf } from '../../events/actor.js';

const MS_DECIMALS = 3;

/** Logs each request when its answer is sent or its client has disconnected. */
export function accessLog(logger: Logger): AppMiddleware {
  return function logRequest(ctx, next) {
    const startedMs = performance.now();
    ctx.res.once('close', () => logger.info(describe(ctx, performance.now() - startedMs), 'request'));
    return next();
  };
}

function describe(ctx: AppContext, durationMs: number): Record<string, unknown> {
  const { state, res } = ctx;
  const route = ctx._matchedRoute;
  return {
    request_id: state.requestId,
    remote: state.remote,
    method: ctx.method,
    route: typeof route === 'string' ? route : null,
    // Null if the connection broke before there was an answer.
    status: res.headersSent ? res.statusCode : null,
    duration_ms: Number(durationMs.toFixed(MS_DECIMALS)),
    actor: state.principal === null ? null : actorOf(state.principal),
    project: state.projectId,
    request_bytes: state.requestBytes,
    response_bytes: answerBytes(ctx),
    ...(state.problemCode === null ? {} : { code: state.problemCode }),
    // The client disconnected before the answer was sent.
    ...(res.writableFinished ? {} : { aborted: true }),
  };
}

function answerBytes(ctx: AppContext): number {
  if (ctx.method === 'HEAD') return 0;
  const length = ctx.res.getHeader('Content-Length');
  return length === undefined ? ctx.state.streamedBytes : Number(length);
}
