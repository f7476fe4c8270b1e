/**
 * The way of a request: the checks in their order, the handler of its route, and its answer. The routes of a single key, and batches, run
 * straight through; all others pass through Koa, with the same exchange, checks, handlers and problems.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROJECTS_PATH } from '../api/paths.js';
import { ROUTES, type RouteId } from '../api/routes.js';
import type { Clock } from '../base/clock.js';
import { logExchange } from './access-log.js';
import { addressReader } from './access.js';
import { AnswerBudget } from './answer-budget.js';
import { AnswerSender } from './answer-sender.js';
import { Checks } from './checks.js';
import { Cors, preflightAnswer } from './cors.js';
import { OpenStreams, type StreamCounts, type StreamTimes } from './events/open-streams.js';
import { type DirectRequest, DirectResponse } from './direct/direct-message.js';
import { type Answer, Exchange, NotDirectError } from './exchange.js';
import type { HttpParts } from './http-parts.js';
import type { KoaPath } from './koa-path.js';
import { LongAnswers } from './long-answers.js';
import type { RequestHead, ResponseState } from './message.js';
import { methodsOf } from './methods.js';
import { problemAnswer } from './problem.js';
import { RateLimits } from './rate-limits.js';
import { requestIdOf } from './request-id.js';
import type { BoundRoute, RouteHandlers } from './route-handlers.js';
import { DOCUMENT_CHECKS, QUERY_CHECKS } from './route-schemas.js';
import { accessRoutes } from './routes/access-routes.js';
import { backupRoutes } from './routes/backup-routes.js';
import { docsRoutes } from './routes/docs-routes.js';
import { eventsRoutes } from './routes/events-routes.js';
import { healthRoutes } from './routes/health-routes.js';
import { keysRoutes } from './routes/keys-routes.js';
import { limitsRoutes } from './routes/limits-routes.js';
import { openApiRoutes } from './routes/openapi-routes.js';
import { projectsRoutes } from './routes/projects-routes.js';
import { proofRoutes } from './routes/proof-routes.js';
import { reloadRoutes } from './routes/reload-routes.js';
import { rootRoutes } from './routes/root-routes.js';
import { statsRoutes } from './routes/stats-routes.js';
import { uiRoutes } from './routes/ui-routes.js';

const BATCH_SEGMENT = '/batch';

/** Options of a {@link Pipeline}. */
interface PipelineOptions {
  /** False sends all routes through Koa: both ways must give the same answers. @default true */
  readonly hotPath?: boolean;
  /** For tests. @default those of the contract */
  readonly streamTimes?: StreamTimes;
  /** For tests. @default the system's */
  readonly clock?: Clock;
}

/** Answers requests. */
export class Pipeline {
  readonly #parts: HttpParts;
  #addressOf: (request: RequestHead) => string;
  readonly #checks: Checks;
  /** Undefined without allowed origins. */
  #cors: Cors | undefined;
  readonly #budget: AnswerBudget;
  readonly #sender: AnswerSender;
  readonly #streams: OpenStreams;
  readonly #routes: readonly BoundRoute[];
  /** Loaded when it is needed first, or by {@link Pipeline.loadKoa}. */
  #koa: Promise<KoaPath> | undefined;
  /** The routes that run straight through, by method: of a single key, and of all keys of a project. */
  readonly #ofKey: ReadonlyMap<string, BoundRoute>;
  readonly #ofBatch: ReadonlyMap<string, BoundRoute>;

  constructor(parts: HttpParts, { hotPath = true, streamTimes = {}, clock }: PipelineOptions = {}) {
    this.#parts = parts;
    this.#addressOf = addressReader(parts.options.trustedProxies);
    this.#checks = new Checks(parts, new RateLimits(clock));
    this.#cors = corsFor(parts.options);
    this.#budget = new AnswerBudget({ bytesMax: parts.options.answerBytesMax });
    const longAnswers = new LongAnswers(this.#budget, parts.turns, parts.logger);
    this.#sender = new AnswerSender(longAnswers, parts.options);
    this.#streams = new OpenStreams(parts.options, streamTimes);
    this.#routes = bind({ ...keysRoutes({ ...parts, longAnswers }), ...projectsRoutes({ ...parts, longAnswers }), ...healthRoutes(parts),
      ...eventsRoutes({ ...parts, longAnswers, streams: this.#streams }), ...proofRoutes(longAnswers), ...rootRoutes(parts),
      ...limitsRoutes(parts.options), ...accessRoutes(parts), ...reloadRoutes(parts), ...statsRoutes({ ...parts, longAnswers }),
      ...backupRoutes({ ...parts, streams: this.#streams }), ...openApiRoutes(parts.version), ...docsRoutes(parts.options),
      ...uiRoutes(parts.options) });
    this.#ofKey = byMethod(this.#routes, hotPath ? ['getKey', 'setKey', 'deleteKey'] : []);
    this.#ofBatch = byMethod(this.#routes, hotPath ? ['applyBatch'] : []);
  }

  /** Takes over options that have changed. */
  takeOptions(): void {
    const { options } = this.#parts;
    this.#addressOf = addressReader(options.trustedProxies);
    this.#cors = corsFor(options);
    this.#budget.resize(options.answerBytesMax);
    this.#checks.takeOptions();
  }

  /** Loads Koa, which takes a fifth of the time of a start: called once the server serves, so that no request waits for it either. */
  async loadKoa(): Promise<void> {
    await this.#koaPath();
  }

  /** Number of open streams, by kind. */
  get streamCounts(): StreamCounts {
    return this.#streams.counts();
  }

  /** Ends all event streams, and waiting event requests: at shutdown, before the connections are closed. */
  endStreams(): void {
    this.#streams.close();
  }

  #koaPath(): Promise<KoaPath> {
    return (this.#koa ??= import('./koa-path.js').then(({ createKoaPath }) => createKoaPath(this.#routes, {
      admit: (exchange, route) => this.#checks.admit(exchange, route),
      handle: (exchange, route) => handle(exchange, route),
    })));
  }

  /** Answers a request; the request listener of the HTTP server. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = this.#begin(request, response);
    // Without a listener, a write after the connection broke would end the process.
    response.on('error', (error) => this.#noteCutOff(exchange, error));
    this.#run(exchange);
  };

  /** Answers a request that came directly, or has it answered by Node. */
  readonly handleDirect = (request: DirectRequest, response: DirectResponse): void => this.#run(this.#begin(request, response));

  #begin(request: RequestHead, response: ResponseState): Exchange {
    const exchange = new Exchange(request, response, { requestId: requestIdOf(request.headers), remote: this.#addressOf(request) });
    this.#cors?.mark(exchange);
    response.once('close', () => {
      exchange.durationMs = performance.now() - exchange.startedMs;
      this.#parts.observer.answered(exchange);
      logExchange(this.#parts.logger, exchange);
    });
    return exchange;
  }

  #run(exchange: Exchange): void {
    let answer: Answer | Promise<Answer>;
    try {
      answer = this.#answer(exchange);
    } catch (error) {
      this.#fail(exchange, error);
      return;
    }
    if (answer instanceof Promise) answer.then((given) => this.#send(exchange, given), (error: unknown) => this.#fail(exchange, error));
    else this.#send(exchange, answer);
  }

  #answer(exchange: Exchange): Answer | Promise<Answer> {
    this.#checks.sane(exchange);
    if (this.#cors?.isPreflight(exchange) === true) return this.#koaPath().then((koa) => koa(exchange)).then(preflightAnswer);
    this.#checks.serving(exchange);
    const route = this.#hotRouteOf(exchange);
    if (route === undefined) {
      exchange.needNode();
      return this.#koaPath().then((koa) => koa(exchange));
    }
    const admitted = this.#checks.admit(exchange, route);
    return admitted === undefined ? handle(exchange, route) : admitted.then(() => handle(exchange, route));
  }

  #hotRouteOf({ target: { path, project, key }, request: { method = '' } }: Exchange): BoundRoute | undefined {
    // An empty key or id is no route.
    if (project === null || project === '') return undefined;
    if (key !== null) return key === '' ? undefined : this.#ofKey.get(method);
    const rest = path.slice(path.indexOf('/', PROJECTS_PATH.length + 1));
    return rest === BATCH_SEGMENT ? this.#ofBatch.get(method) : undefined;
  }

  #send(exchange: Exchange, answer: Answer): void {
    try {
      this.#sender.send(exchange, answer)?.catch((error: unknown) => this.#fail(exchange, error));
    } catch (error) {
      this.#parts.logger.error({ err: error, request_id: exchange.requestId }, 'An answer could not be sent');
      exchange.response.destroy();
    }
  }

  /** An answer that was begun cannot be replaced: its missing end shows that it is incomplete. */
  #fail(exchange: Exchange, error: unknown): void {
    if (error instanceof NotDirectError && exchange.response instanceof DirectResponse) {
      // Node's way takes it again.
      exchange.rate?.takeMore(-1);
      exchange.response.leave();
      return;
    }
    if (!exchange.response.headersSent) {
      this.#send(exchange, problemAnswer(exchange, error, this.#parts.logger));
      return;
    }
    this.#noteCutOff(exchange, error);
    // A request that ended as a malformed one was answered as that.
    if (!exchange.response.writableEnded) exchange.response.destroy();
  }

  /** Usually the client has disconnected. */
  #noteCutOff({ requestId }: Exchange, error: unknown): void {
    this.#parts.logger.debug({ err: error, request_id: requestId }, 'An answer was cut off');
  }
}

function corsFor({ allowedOrigins }: HttpParts['options']): Cors | undefined {
  return allowedOrigins.length === 0 ? undefined : new Cors(allowedOrigins);
}

/** A read is authorized again if time has passed since its checks. */
function handle(exchange: Exchange, { handler }: BoundRoute): Answer | Promise<Answer> {
  const answer = handler.handle(exchange);
  const { authorization } = exchange;
  if (!(answer instanceof Promise) || authorization === null || !exchange.isRead) return answer;
  return answer.then((given) => {
    authorization.assertHolds();
    return given;
  });
}

function bind(handlers: RouteHandlers): readonly BoundRoute[] {
  return ROUTES.map((spec) => (
    { spec, handler: handlers[spec.id], query: QUERY_CHECKS.get(spec.id), document: DOCUMENT_CHECKS.get(spec.id) }
  ));
}

function byMethod(routes: readonly BoundRoute[], ids: readonly RouteId[]): ReadonlyMap<string, BoundRoute> {
  const chosen = routes.filter(({ spec }) => ids.includes(spec.id as RouteId));
  return new Map(chosen.flatMap((route) => methodsOf(route.spec).map((method) => [method, route] as const)));
}
