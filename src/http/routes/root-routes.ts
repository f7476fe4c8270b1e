/**
 * The root: which program answers here, and its links. Needs no API key and reveals nothing of the data.
 */
import { DOCS_PATH, LIVENESS_PATH, OPENAPI_PATH, PROJECTS_PATH, READINESS_PATH } from '../../api/paths.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandler, RouteHandlers } from '../route-handlers.js';

const OK = 200;

/** Returns the handlers. */
export function rootRoutes({ options, version }: Pick<HttpParts, 'options' | 'version'>): RouteHandlers<'getRoot' | 'getIndex'> {
  const document = {
    name: 'simplekv',
    version,
    links: {
      projects: PROJECTS_PATH, livez: LIVENESS_PATH, readyz: READINESS_PATH, openapi: OPENAPI_PATH,
      ...(options.docsEnabled ? { docs: DOCS_PATH } : {}),
    },
    documentation: 'docs/http-api.md of the package',
  };
  const show: RouteHandler = { handle: () => jsonAnswer(OK, document) };
  return { getRoot: show, getIndex: show };
}
