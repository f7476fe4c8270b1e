/**
 * Builds the Koa app. The order of the middleware is the order of the checks.
 */
import Router from '@koa/router';
import Koa from 'koa';
import { addressReader } from './access.js';
import { AnswerBudget } from './answer-budget.js';
import type { AppContext, AppParts, AppRouter, RequestState, RouteParts, RouterExtras } from './context.js';
import { LongAnswers, sendLongTexts } from './long-answers.js';
import { accessLog } from './middleware/access-log.js';
import { beginRequest } from './middleware/begin-request.js';
import { checkRequest, whileServing } from './middleware/check-request.js';
import { answerProblem, errorHandler } from './middleware/error-handler.js';
import { noRoute } from './middleware/no-route.js';
import { unreadBody } from './middleware/unread-body.js';
import { addHealthRoutes } from './routes/health-routes.js';
import { addKeysRoutes } from './routes/keys-routes.js';
import { addProjectsRoutes } from './routes/projects-routes.js';
import { addRootRoutes } from './routes/root-routes.js';

/** Builds the app; its `callback()` is the request listener of the HTTP server. */
export function createApp(parts: AppParts): Koa<RequestState, RouterExtras> {
  const app = new Koa<RequestState, RouterExtras>();
  const { logger, phase, options, turns } = parts;
  app.use(beginRequest(addressReader(options.trustedProxies)));
  app.use(accessLog(logger));
  app.use(unreadBody());
  app.use(errorHandler(logger));
  app.use(checkRequest(parts));
  app.use(whileServing(phase));
  const longAnswers = new LongAnswers(new AnswerBudget({ bytesMax: options.answerBytesMax }), turns, logger);
  app.use(sendLongTexts(longAnswers));
  app.use(createRouter({ ...parts, longAnswers }).routes());
  app.use(noRoute());
  app.context.onerror = function onerror(this: AppContext, error: unknown): void {
    answerLateError(this, error, parts);
  };
  return app;
}

function createRouter(parts: RouteParts): AppRouter {
  const router = new Router<RequestState, RouterExtras>({ strict: true, sensitive: true });
  // Routes are matched one by one: the most frequent ones, on keys, come first.
  addKeysRoutes(router, parts);
  addProjectsRoutes(router, parts);
  addHealthRoutes(router, parts);
  addRootRoutes(router, parts);
  return router;
}

/** Handles an error outside the middleware: a broken stream, or an answer that Koa could not write. */
function answerLateError(ctx: AppContext, error: unknown, { logger }: AppParts): void {
  if (error === null || error === undefined) return;
  if (ctx.headerSent || !ctx.writable) {
    // Usually the client has disconnected. A started answer cannot be replaced; its missing end shows that it is incomplete.
    logger.debug({ err: error, request_id: ctx.state.requestId }, 'An answer was cut off');
    ctx.res.destroy();
    return;
  }
  answerProblem(ctx, error, logger);
  ctx.res.end(ctx.body);
}
