/**
 * The root: which program answers here, and its links. Needs no API key and reveals nothing of the data.
 */
import type { AppContext, AppRouter, RouteParts } from '../context.js';
import { sendJson } from '../json-answer.js';
import { refuseQuery } from '../query.js';
import { API_PATH, PROJECTS_PATH } from '../target.js';
import { LIVENESS_PATH, READINESS_PATH } from './health-routes.js';

const ROOT_PATH = '/';
const OK = 200;

/** Adds the routes. */
export function addRootRoutes(router: AppRouter, { version }: RouteParts): void {
  const document = {
    name: 'simplekv',
    version,
    links: { projects: PROJECTS_PATH, livez: LIVENESS_PATH, readyz: READINESS_PATH },
    documentation: 'docs/http-api.md of the package',
  };
  const show = (ctx: AppContext): void => {
    refuseQuery(ctx.state.target.query);
    sendJson(ctx, OK, document);
  };
  router.get(ROOT_PATH, show);
  router.get(API_PATH, show);
}
