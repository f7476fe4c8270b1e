/**
 * What answers a route, and the two ways to find the route of a request: by the shape of its path where requests are frequent, and by the
 * router for all others.
 */
import type { RouteSpec } from '../api/route-spec.js';
import type { RouteId } from '../api/routes.js';
import type { SchemaCheck } from '../base/json-schema.js';
import type { Answer, Exchange } from './exchange.js';
import type { QueryCheck, QueryParameters } from './query.js';

/** Answers the requests of one route that have passed its checks. */
export interface RouteHandler {
  /**
   * Converts the parameters, which fit the schema of the route. Absent: they stay as they are.
   *
   * @throws {AppError} `invalid_query`
   */
  readonly readQuery?: (parameters: QueryParameters) => unknown;
  /** Answers. Returns a promise only if it really waits. */
  readonly handle: (exchange: Exchange) => Answer | Promise<Answer>;
}

/** A handler for each of some routes. */
export type RouteHandlers<Id extends RouteId = RouteId> = Readonly<Record<Id, RouteHandler>>;

/** A route with its handler and its schemas. */
export interface BoundRoute {
  readonly spec: RouteSpec;
  readonly handler: RouteHandler;
  /** Undefined: every parameter is refused. */
  readonly query: QueryCheck | undefined;
  /** Undefined: no JSON object is expected. */
  readonly document: SchemaCheck<unknown> | undefined;
}
