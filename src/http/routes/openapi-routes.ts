/**
 * The routes of the document of the API. It is made at the first request for it: a start does not pay for it.
 */
import { OPENAPI_PATH } from '../../api/paths.js';
import { ROUTES } from '../../api/routes.js';
import { answerFixed, type FixedBody, fixedBody, redirect } from '../fixed-answer.js';
import { JSON_TYPE } from '../json-answer.js';
import type { RouteHandlers } from '../route-handlers.js';

/** Returns the handlers. */
export function openApiRoutes(version: string): RouteHandlers<'getOpenApi' | 'findOpenApi'> {
  let document: Promise<FixedBody> | undefined;
  return {
    getOpenApi: { handle: async (exchange) => answerFixed(exchange, await (document ??= makeDocument(version))) },
    findOpenApi: { handle: () => redirect(OPENAPI_PATH) },
  };
}

async function makeDocument(version: string): Promise<FixedBody> {
  const { makeOpenApi } = await import('../../api/openapi.js');
  return fixedBody(JSON_TYPE, JSON.stringify(makeOpenApi(ROUTES, version)));
}
