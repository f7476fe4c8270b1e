/**
 * Builds the Koa app: the order of the checks is the order of the middleware. Building never listens.
 */
import Router from '@koa/router';
import Koa from 'koa';
import { Access, addressReader } from './access.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswerRooms } from './answer-rooms.js';
import type { AppContext, AppParts, RequestState, RouterExtras } from './context.js';
import { accessLog } from './middleware/access-log.js';
import { beginRequest } from './middleware/begin-request.js';
import { whileServing } from './middleware/lifecycle.js';
import { longAnswers } from './middleware/long-answers.js';
import { noRoute } from './middleware/no-route.js';
import { answerProblem, problems } from './middleware/problems.js';
import { sanity } from './middleware/sanity.js';
import { unreadBody } from './middleware/unread-body.js';
import { addEntryRoutes } from './routes/entry/entry-routes.js';
import { addHealthRoutes } from './routes/health/health-routes.js';
import { addKeysRoutes } from './routes/keys/keys-routes.js';
import { addProjectsRoutes } from './routes/projects/projects-routes.js';
import { Turns } from './turns.js';

/** The app, ready to be put behind a server. */
export type App = Koa<RequestState, RouterExtras>;

/**
 * Builds the app.
 *
 * @returns the app; `app.callback()` answers Node's requests
 */
export function createApp(parts: AppParts): App {
  const app: App = new Koa();
  const { logger, lifecycle, options } = parts;
  app.use(beginRequest(addressReader(options.trustedProxies)));
  app.use(accessLog(logger));
  app.use(unreadBody());
  app.use(problems(logger));
  app.use(sanity(parts));
  app.use(whileServing(lifecycle));
  const rooms = new AnswerRooms(new AnswerBudget({ bytesMax: options.answerBytesMax }), parts.turns ?? new Turns(), logger);
  app.use(longAnswers(rooms));
  app.use(createRouter(parts, rooms).routes());
  app.use(noRoute());
  app.context.onerror = function onerror(this: AppContext, error: unknown): void {
    answerLate(this, error, parts);
  };
  return app;
}

function createRouter(parts: AppParts, rooms: AnswerRooms): Router<RequestState, RouterExtras> {
  const router = new Router<RequestState, RouterExtras>({ strict: true, sensitive: true });
  const access = new Access(parts);
  // Each route's path is tried in turn: those on keys, asked for most, come first.
  addKeysRoutes(router, { ...parts, access, rooms });
  addProjectsRoutes(router, { ...parts, access, rooms });
  addHealthRoutes(router, { ...parts, access });
  addEntryRoutes(router, parts);
  return router;
}

/** An error behind the middleware: a stream that broke, or an answer that Koa could not write. */
function answerLate(ctx: AppContext, error: unknown, { logger }: AppParts): void {
  if (error === null || error === undefined) return;
  if (ctx.headerSent || !ctx.writable) {
    // Most often the client has left. What was sent cannot be taken back; the missing end tells that it is not whole.
    logger.debug({ err: error, request_id: ctx.state.requestId }, 'An answer was cut off');
    ctx.res.destroy();
    return;
  }
  answerProblem(ctx, error, logger);
  ctx.res.end(ctx.body);
}
