/**
 * The checks of queries and bodies with the schemas of the routes, the very objects that the document of the API shows.
 */
import type { ParameterSpec, RouteSpec } from '../api/route-spec.js';
import { type RouteId, ROUTES } from '../api/routes.js';
import { compileSchema, type SchemaCheck } from '../base/json-schema.js';
import type { QueryCheck, QueryParameters } from './query.js';

const SPECS: readonly RouteSpec[] = ROUTES;

/** By the id of the route; routes without parameters are not in it. */
export const QUERY_CHECKS: ReadonlyMap<RouteId, QueryCheck> = new Map(SPECS.flatMap(({ id, query }) => (
  query === undefined ? [] : [[id as RouteId, queryCheck(query)] as const]
)));

/** By the id of the route; routes without a JSON object in the body are not in it. */
export const DOCUMENT_CHECKS: ReadonlyMap<RouteId, SchemaCheck<unknown>> = new Map(SPECS.flatMap(({ id, body }) => (
  body.kind === 'json' ? [[id as RouteId, compileSchema<unknown>(body.schema)] as const] : []
)));

function queryCheck(parameters: Readonly<Record<string, ParameterSpec>>): QueryCheck {
  const entries = Object.entries(parameters);
  const required = entries.flatMap(([name, { isRequired = false }]) => (isRequired ? [name] : []));
  const check = compileSchema<QueryParameters>({
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    additionalProperties: false,
    required,
  });
  const valueless = new Set(entries.flatMap(([name, { isValueless = false }]) => (isValueless ? [name] : [])));
  return { check, valueless, hasRequired: required.length > 0 };
}
