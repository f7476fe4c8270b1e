/**
 * The way of all routes that are not on the hot path: Koa, whose router finds the route. It makes the same checks on the same exchange, and
 * returns the answer instead of sending it.
 */
import Router from '@koa/router';
import Koa, { type Context, type Middleware, type ParameterizedContext } from 'koa';
import { AppError } from '../base/app-error.js';
import { invariant } from '../base/invariant.js';
import { routerPath } from './access-log.js';
import type { Answer, Exchange } from './exchange.js';
import { allowedMethods, methodsOf } from './methods.js';
import { announcesBody } from './request-body.js';
import type { BoundRoute } from './route-handlers.js';
import { readSettings } from './settings-body.js';
import { checkDocument } from './settings-check.js';

/** Makes the checks of a route and answers, see `pipeline.ts`. */
interface RouteRunner {
  admit(exchange: Exchange, route: BoundRoute): Promise<void> | undefined;
  handle(exchange: Exchange, route: BoundRoute): Answer | Promise<Answer>;
}

interface KoaState {
  exchange: Exchange;
  answer: Answer | null;
}

/** An exchange that was passed to Koa, and what is done with its answer. */
interface Waiting {
  readonly exchange: Exchange;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

interface RouterExtras {
  /** The raw path to match. */
  newRouterPath?: string;
  /** The routes whose path matches, with any method. */
  matched?: readonly { readonly methods: readonly string[] }[];
}

type KoaContext = ParameterizedContext<KoaState, RouterExtras>;

const NO_CONTENT = 204;

/** Answers an exchange through Koa. */
export type KoaPath = (exchange: Exchange) => Promise<Answer>;

/** Builds the app. */
export function createKoaPath(routes: readonly BoundRoute[], runner: RouteRunner): KoaPath {
  const app = new Koa<KoaState, RouterExtras>();
  const waiting = new WeakMap<object, Waiting>();
  app.use(async (ctx, next) => {
    // The answer is sent by the pipeline.
    ctx.respond = false;
    const outcome = waiting.get(ctx.req);
    invariant(outcome !== undefined, 'Koa gets only requests that were passed to it');
    const { exchange, resolve, reject } = outcome;
    ctx.state = { exchange, answer: null };
    ctx.newRouterPath = exchange.target.path;
    try {
      await next();
      resolve(ctx.state.answer ?? answerNoRoute(ctx));
    } catch (error) {
      reject(error);
    }
  });
  app.use(routerOf(routes, runner).routes());
  // Koa reports here what happens outside the middleware. After the answer, as when the connection breaks, there is nothing to reject.
  app.context.onerror = function onerror(this: KoaContext, error: unknown): void {
    if (error !== null) waiting.get(this.req)?.reject(error);
  };
  const handle = app.callback();
  return (exchange) => new Promise((resolve, reject) => {
    waiting.set(exchange.request, { exchange, resolve, reject });
    void handle(exchange.nodeRequest, exchange.nodeResponse);
  });
}

function routerOf(routes: readonly BoundRoute[], runner: RouteRunner): Router<KoaState, RouterExtras> {
  const router = new Router<KoaState, RouterExtras>({ strict: true, sensitive: true });
  for (const route of routes) {
    const pattern = patternOf(route.spec.path);
    const middleware = [answerRoute(route, runner)];
    router.register(pattern ?? routerPath(route.spec.path), methodsOf(route.spec), middleware, { pathAsRegExp: pattern !== undefined });
  }
  return router;
}

/** The word `self` is not the id of an API key: its path has only the methods of its own route. Undefined for any other path. */
function patternOf(path: string): RegExp | undefined {
  if (!path.endsWith('/{key_id}')) return undefined;
  const parts = path.split('/').map((part) => (part === '{key_id}' ? '(?!self$)[^/]+' : part.replace(/^\{\w+\}$/, '[^/]+')));
  return new RegExp(`^${parts.join('/')}$`);
}

function answerRoute(route: BoundRoute, runner: RouteRunner): Middleware<KoaState, RouterExtras> {
  return async (ctx) => {
    const { exchange } = ctx.state;
    await runner.admit(exchange, route);
    if (route.document !== undefined) {
      const document = await readDocument(exchange, route, ctx);
      exchange.document = checkDocument(document, route.spec, route.document);
    }
    ctx.state.answer = await runner.handle(exchange, route);
  };
}

/** Reads the JSON object in a body. */
async function readDocument(exchange: Exchange, { spec: { body } }: BoundRoute, ctx: KoaContext): Promise<unknown> {
  invariant(body.kind === 'json', 'a document is checked where one is expected');
  if (!body.isRequired && !announcesBody(exchange.request)) return {};
  return await readSettings(exchange, ctx as unknown as Context, body.bytesMax);
}

/**
 * Answers a request that matches no route: just the supported methods for `OPTIONS`.
 *
 * @throws {AppError} `not_found`, or `method_not_allowed` with the supported methods
 */
function answerNoRoute(ctx: KoaContext): Answer {
  const { exchange } = ctx.state;
  const matched = ctx.matched ?? [];
  const allowed = allowedMethods(exchange.target.path, matched.flatMap(({ methods }) => methods));
  if (allowed === undefined) {
    throw new AppError('not_found', 'Cannot find a route with this path; GET /api/v1/openapi.json describes all of them');
  }
  if (ctx.method !== 'OPTIONS' || exchange.target.path === '*') {
    exchange.problemHeaders = ['Allow', allowed];
    throw new AppError('method_not_allowed', `Cannot ${ctx.method} this path: its methods are ${allowed}`);
  }
  return { status: NO_CONTENT, headers: ['Allow', allowed], body: null };
}
