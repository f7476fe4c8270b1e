/**
 * What a request carries through the middleware: the types of `ctx` and `ctx.state`, and what the app is built from.
 */
import type { Middleware, ParameterizedContext } from 'koa';
import type { Scopes } from '../auth/authorize.js';
import type { FailureThrottle } from '../auth/failure-throttle.js';
import type { Keyring } from '../auth/keyring.js';
import type { Principal } from '../auth/principal.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Logger, ServerLogHealth } from '../base/logger.js';
import type { Projects } from '../projects/projects.js';
import type { AnswerRoom } from './answer-budget.js';
import type { Authorization } from './authorization.js';
import type { HttpOptions } from './http-options.js';
import type { RequestHeaders } from './request-headers.js';
import type { RequestTarget } from './target.js';
import type { Turns } from './turns.js';

/** What is known of a request so far. Every field is there from the first middleware on. */
export interface RequestState {
  requestId: string;
  /** The client's address, behind trusted proxies the one that they forward. */
  remote: string;
  /** Headers that may stand only once, as they were sent. */
  headers: RequestHeaders;
  target: RequestTarget;
  /** Null until the credentials were checked. */
  principal: Principal | null;
  /** What the caller was allowed; null until then, and on routes that need no right. */
  authorization: Authorization | null;
  /** The project in the path where it is a valid id, whether or not there is one; for the routes, and for the log of refusals too. */
  projectId: string | null;
  /** The code of the problem that was answered. */
  problemCode: ErrorCode | null;
  /** True once the body was asked for: a client that waits for leave to send it has got it. */
  bodyWanted: boolean;
  /** Bytes of the request's body that were read. */
  requestBytes: number;
  /** What the answer has taken of the budget; null while it has taken nothing. */
  room: AnswerRoom | null;
  /** Bytes of a streamed answer. */
  streamedBytes: number;
}

/** What the router reads from and leaves on the context. */
export interface RouterExtras {
  /** The path that is matched, raw. */
  newRouterPath?: string;
  /** The routes whose path matched, whatever their method. */
  matched?: readonly { readonly methods: readonly string[] }[];
  /** The pattern of the route that was taken. */
  _matchedRoute?: string | RegExp;
}

/** The context of every middleware here. */
export type AppContext = ParameterizedContext<RequestState, RouterExtras>;

/** The form of every middleware here. */
export type AppMiddleware = Middleware<RequestState, RouterExtras>;

/** Which scopes are open, and whether any is. */
export interface OpenScopes extends Scopes {
  /** True when global authentication or that of any project is off. */
  readonly anyOpen: boolean;
}

/** Where the server stands between start and end. */
export type LifecycleState = 'starting' | 'serving' | 'stopping';

/** Asked at every request. */
export interface Lifecycle {
  /** @returns where the server stands now */
  state(): LifecycleState;
}

/** What the app is built from. */
export interface AppParts {
  readonly projects: Projects;
  readonly keyring: Keyring;
  readonly throttle: FailureThrottle;
  readonly scopes: OpenScopes;
  readonly logger: Logger;
  /** Whether the lines of the server log arrive; undefined where that is not known. */
  readonly serverLogHealth?: (() => ServerLogHealth) | undefined;
  readonly options: HttpOptions;
  readonly lifecycle: Lifecycle;
  /** The program's version. */
  readonly version: string;
  /** Shared with the server that the app is put behind. @default turns that know of no connections */
  readonly turns?: Turns;
}
