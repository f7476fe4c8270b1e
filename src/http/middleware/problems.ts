/**
 * Where every error of a request ends: as a problem document for the client, and in the server log where it is a defect.
 */
import type { Logger } from '../../base/logger.js';
import type { AppContext, AppMiddleware } from '../context.js';
import { logLevelOf, makeProblem, toAppError } from '../problem.js';

/** What a route may have set of the content that the problem takes the place of, and that the caller may no longer see. */
const CONTENT_HEADERS = ['ETag', 'Last-Modified', 'Link'] as const;

/**
 * Answers errors with problem documents.
 *
 * @param logger where failures go that the client is not told the reason of
 */
export function problems(logger: Logger): AppMiddleware {
  return async function answerProblems(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      answerProblem(ctx, thrown, logger);
    }
  };
}

/**
 * Sets a problem as the answer. Of the headers that the route set, those of the content go, except where a condition failed: there
 * `ETag` says what the key's version is.
 *
 * @param logger where failures go that the client is not told the reason of
 */
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
