/**
 * What answers a route, and the two ways to find the route of a request: by the shape of its path where requests are frequent, and by the
 * router for all others.
 */
import type { RouteId, RouteSpec } from '../api/routes.js';
import type { Answer, Exchange } from './exchange.js';
import type { QueryEntry } from './query.js';

/** Answers the requests of one route that have passed its checks. */
export interface RouteHandler {
  /**
   * Parses the query. Absent: the route has no parameters, and every one is refused.
   *
   * @throws {AppError} `invalid_query`
   */
  readonly readQuery?: (entries: readonly QueryEntry[]) => unknown;
  /** Answers. Returns a promise only if it really waits. */
  readonly handle: (exchange: Exchange) => Answer | Promise<Answer>;
}

/** A handler for each of some routes. */
export type RouteHandlers<Id extends RouteId = RouteId> = Readonly<Record<Id, RouteHandler>>;

/** A route with its handler. */
export interface BoundRoute {
  readonly spec: RouteSpec;
  readonly handler: RouteHandler;
}
