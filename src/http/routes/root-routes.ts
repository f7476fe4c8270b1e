/**
 * The root: which program answers here, and its links, or for a browser the web UI. Needs no API key and reveals nothing of the data.
 */
import { DOCS_PATH, LIVENESS_PATH, OPENAPI_PATH, PROJECTS_PATH, READINESS_PATH, UI_PATH } from '../../api/paths.js';
import { acceptable } from '../accept.js';
import type { Answer, Exchange } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
const SEE_OTHER = 303;
const TYPES = ['application/json', 'text/html'] as const;
const VARY = ['Vary', 'Accept'] as const;

/** Returns the handlers. */
export function rootRoutes({ options, version }: Pick<HttpParts, 'options' | 'version'>): RouteHandlers<'getRoot' | 'getIndex'> {
  const show = (headers: readonly string[] = []): Answer => jsonAnswer(OK, {
    name: 'simplekv',
    version,
    links: {
      projects: PROJECTS_PATH, livez: LIVENESS_PATH, readyz: READINESS_PATH, openapi: OPENAPI_PATH,
      ...(options.docsEnabled ? { docs: DOCS_PATH } : {}),
      ...(options.uiEnabled ? { ui: UI_PATH } : {}),
    },
    documentation: 'docs/http-api.md of the package',
  }, headers);
  const toUi: Answer = { status: SEE_OTHER, headers: ['Location', UI_PATH, 'Cache-Control', 'no-cache', ...VARY], body: null };
  return {
    getRoot: { handle: (exchange) => (options.uiEnabled && wantsPage(exchange) ? toUi : show(VARY)) },
    getIndex: { handle: () => show() },
  };
}

/** Browsers prefer a page. What accepts everything, such as curl, is a program. */
function wantsPage({ request }: Exchange): boolean {
  return acceptable(request.headers.accept, TYPES) === 'text/html';
}
