/**
 * The types of `ctx` and `ctx.state`, and the parts that the app is built from.
 */
import type Router from '@koa/router';
import type { Middleware, ParameterizedContext } from 'koa';
import type { Scopes } from '../auth/authorize.js';
import type { FailedKeyThrottle } from '../auth/failed-key-throttle.js';
import type { Keyring } from '../auth/keyring.js';
import type { Principal } from '../auth/principal.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Logger, ServerLogHealth } from '../base/logger.js';
import type { Projects } from '../projects/projects.js';
import type { Reservation } from './answer-budget.js';
import type { Authorization } from './authorization.js';
import type { EventLoopTurns } from './event-loop-turns.js';
import type { HttpOptions } from './http-options.js';
import type { LongAnswers } from './long-answers.js';
import type { RequestHeaders } from './request-headers.js';
import type { RequestTarget } from './target.js';

/** The state of a request. The first middleware sets every field. */
export interface RequestState {
  requestId: string;
  /** The client's address; behind trusted proxies, the forwarded one. */
  remote: string;
  /** Headers that must not be repeated, as sent. */
  headers: RequestHeaders;
  target: RequestTarget;
  /** Null until the credentials are checked. */
  principal: Principal | null;
  /** Null until granted, and on routes that require none. */
  authorization: Authorization | null;
  /** The project in the path if its id is valid, existing or not. Logged for refused requests too. */
  projectId: string | null;
  /** The code of the problem in the answer; null for none. */
  problemCode: ErrorCode | null;
  /** True once the body is wanted; a client that waits for 100 Continue has been sent it. */
  bodyWanted: boolean;
  /** Bytes read of the request's body. */
  requestBytes: number;
  /** The memory reserved for the answer; null for none. */
  reservation: Reservation | null;
  /** Bytes sent of a streamed answer. */
  streamedBytes: number;
}

/** The members of the context that the router reads and sets. */
export interface RouterExtras {
  /** The raw path to match. */
  newRouterPath?: string;
  /** The routes whose path matches, with any method. */
  matched?: readonly { readonly methods: readonly string[] }[];
  /** The pattern of the chosen route. */
  _matchedRoute?: string | RegExp;
}

/** The context of a request. */
export type AppContext = ParameterizedContext<RequestState, RouterExtras>;

/** A middleware of this app. */
export type AppMiddleware = Middleware<RequestState, RouterExtras>;

/** The router of this app. */
export type AppRouter = Router<RequestState, RouterExtras>;

/** Which scopes are open, and whether any is. */
interface OpenScopes extends Scopes {
  /** True when global authentication or that of any project is off. */
  readonly anyOpen: boolean;
}

/** The phase of the server. */
export type LifecycleState = 'starting' | 'serving' | 'stopping';

/** The parts of the app. */
export interface AppParts {
  readonly projects: Projects;
  readonly keyring: Keyring;
  readonly throttle: FailedKeyThrottle;
  readonly scopes: OpenScopes;
  readonly logger: Logger;
  /** Whether the lines of the server log are written; undefined if that is unknown. */
  readonly serverLogHealth?: (() => ServerLogHealth) | undefined;
  readonly options: HttpOptions;
  /** Returns the current phase of the server; called at every request. */
  readonly phase: () => LifecycleState;
  /** The program's version. */
  readonly version: string;
  /** Shared with the HTTP server, which reports new connections to it. */
  readonly turns: EventLoopTurns;
}

/** The parts of the routes. */
export interface RouteParts extends AppParts {
  readonly longAnswers: LongAnswers;
}
