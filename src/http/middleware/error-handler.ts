/**
 * Handles every error of a request: a problem document for the client, and an entry in the server log for failures of the server.
 */
import type { Logger } from '../../base/logger.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { logLevelOf, makeProblem, toAppError } from '../problem.js';

/** Headers that a route may have set for its content. A problem replaces it, and the caller may no longer be allowed to see it. */
const CONTENT_HEADERS = ['ETag', 'Last-Modified', 'Link'] as const;

/**
 * Answers errors with problem documents.
 *
 * @param logger logs failures whose cause is hidden from the client
 */
export function errorHandler(logger: Logger): AppMiddleware {
  return async function handleErrors(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      answerProblem(ctx, thrown, logger);
    }
  };
}

/** Sets a problem as the answer. Removes the content headers, except after a failed precondition, where `ETag` is the current version. */
export function answerProblem(ctx: AppContext, thrown: unknown, logger: Logger): void {
  const error = toAppError(thrown);
  const level = logLevelOf(error);
  if (level !== undefined) {
    const { requestId, projectId: project } = ctx.state;
    const facts = { ...(project === null ? {} : { project }), err: error.cause ?? error, request_id: requestId, reason: error.message };
    logger[level](facts, 'Cannot answer a request');
  }
  const problem = makeProblem(error, ctx.state.requestId);
  ctx.state.problemCode = problem.code;
  if (problem.code !== 'precondition_failed') for (const name of CONTENT_HEADERS) ctx.remove(name);
  ctx.status = problem.status;
  ctx.set(problem.headers);
  ctx.body = problem.body;
}
