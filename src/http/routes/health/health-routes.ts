/**
 * The probes: whether the process lives, and whether it can do its work. They need no key, so they name no project to those without one.
 */
import type Router from '@koa/router';
import { AppError } from '../../../base/app-error.js';
import type { ServerLogHealth } from '../../../base/logger.js';
import type { Projects, ReadinessCheck } from '../../../projects/projects.js';
import type { Access } from '../../access.js';
import type { AppContext, Lifecycle, RequestState, RouterExtras } from '../../context.js';
import { sendJson } from '../../json-answer.js';
import { refuseQuery, type QueryEntry } from '../../query.js';

/** Answers 200 as long as the process answers at all. */
export const LIVENESS_PATH = '/livez';
/** Answers 200 while requests can be served. */
export const READINESS_PATH = '/readyz';

const OK = 200;
const UNAVAILABLE = 503;
const RETRY_AFTER_SECONDS = '1';
const VERBOSE = 'verbose';

/** What the probes need. */
export interface HealthRoutesParts {
  readonly projects: Projects;
  readonly lifecycle: Lifecycle;
  readonly access: Access;
  readonly serverLogHealth?: (() => ServerLogHealth) | undefined;
}

/** Adds the routes. */
export function addHealthRoutes(router: Router<RequestState, RouterExtras>, parts: HealthRoutesParts): void {
  router.get(LIVENESS_PATH, (ctx) => {
    refuseQuery(ctx.state.target.query);
    sendJson(ctx, OK, { status: 'live' });
  });
  router.get(READINESS_PATH, (ctx) => showReadiness(ctx, parts));
}

async function showReadiness(ctx: AppContext, parts: HealthRoutesParts): Promise<void> {
  const isVerbose = readVerbose(ctx.state.target.query);
  const state = parts.lifecycle.state();
  const isReady = state === 'serving' && parts.projects.canWrite;
  const unready = state === 'serving' ? 'not_ready' : state;
  const status = isReady ? 'ready' : unready;
  const report = isVerbose ? await describe(ctx, parts) : {};
  if (!isReady) ctx.set('Retry-After', RETRY_AFTER_SECONDS);
  const { started, refused, total } = parts.projects.progress();
  // As a problem names its code, so that who waits for the start can match on it.
  const counts = { projects_started: started, projects_refused: refused, projects_total: total };
  const progress = state === 'starting' ? { code: 'starting', ...counts } : {};
  sendJson(ctx, isReady ? OK : UNAVAILABLE, { status, ...progress, ...report });
}

/** Counts are public; names need the right to see them. */
async function describe(ctx: AppContext, { projects, access, serverLogHealth }: HealthRoutesParts): Promise<object> {
  await projects.refresh();
  const readiness = projects.readiness();
  const { degraded } = readiness;
  const serverLog: ReadinessCheck[] = serverLogHealth === undefined ? [] : [{ name: 'server_log', ...serverLogHealth() }];
  const checks = [...readiness.checks, ...serverLog];
  const principal = await access.identify(ctx);
  ctx.state.principal = principal;
  const counted = { checks, degraded_count: degraded.length };
  return access.allows(principal, 'server.inspect') ? { ...counted, degraded } : counted;
}

/** `verbose` is the one parameter, and is given without a value. */
function readVerbose(entries: readonly QueryEntry[]): boolean {
  refuseQuery(entries.filter((entry) => entry.name !== VERBOSE));
  const [entry] = entries;
  if (entry === undefined) return false;
  if (entry.value === null) return true;
  throw new AppError('invalid_query', 'Cannot use the query: the parameter "verbose" takes no value', { facts: { parameter: VERBOSE } });
}
