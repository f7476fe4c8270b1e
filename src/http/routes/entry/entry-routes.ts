/**
 * What is at the top: which program answers here, and where to go on. Needs no key and says nothing of what is stored.
 */
import type Router from '@koa/router';
import type { AppContext, RequestState, RouterExtras } from '../../context.js';
import { sendJson } from '../../json-answer.js';
import { refuseQuery } from '../../query.js';
import { API_PATH, PROJECTS_PATH } from '../../target.js';
import { LIVENESS_PATH, READINESS_PATH } from '../health/health-routes.js';

const ROOT_PATH = '/';
const OK = 200;

/** What the routes need. */
export interface EntryRoutesParts {
  /** The program's version. */
  readonly version: string;
}

/** Adds the routes. */
export function addEntryRoutes(router: Router<RequestState, RouterExtras>, { version }: EntryRoutesParts): void {
  const document = {
    name: 'simplekv',
    version,
    links: { projects: PROJECTS_PATH, livez: LIVENESS_PATH, readyz: READINESS_PATH },
    documentation: 'README.md of the package, under "HTTP API"',
  };
  const show = (ctx: AppContext): void => {
    refuseQuery(ctx.state.target.query);
    sendJson(ctx, OK, document);
  };
  router.get(ROOT_PATH, show);
  router.get(API_PATH, show);
}
