/**
 * The health probes: is the process alive, and can it serve. They need no API key, and name projects only to the global one.
 */
import { authorize } from '../../auth/authorize.js';
import { AppError } from '../../base/app-error.js';
import type { ReadinessCheck } from '../../projects/projects.js';
import { identifyCaller } from '../access.js';
import type { AppContext, AppRouter, RouteParts } from '../context.js';
import { sendJson } from '../json-answer.js';
import { refuseQuery, type QueryEntry } from '../query.js';

/** 200 while the process is alive. */
export const LIVENESS_PATH = '/livez';
/** 200 while requests can be served. */
export const READINESS_PATH = '/readyz';

const OK = 200;
const UNAVAILABLE = 503;
const RETRY_AFTER_SECONDS = '1';
const VERBOSE = 'verbose';

/** Adds the routes. */
export function addHealthRoutes(router: AppRouter, parts: RouteParts): void {
  router.get(LIVENESS_PATH, (ctx) => {
    refuseQuery(ctx.state.target.query);
    sendJson(ctx, OK, { status: 'live' });
  });
  router.get(READINESS_PATH, (ctx) => showReadiness(ctx, parts));
}

async function showReadiness(ctx: AppContext, parts: RouteParts): Promise<void> {
  const isVerbose = readVerbose(ctx.state.target.query);
  const state = parts.phase();
  const isReady = state === 'serving' && parts.projects.canWrite;
  const unready = state === 'serving' ? 'not_ready' : state;
  const status = isReady ? 'ready' : unready;
  const report = isVerbose ? await describe(ctx, parts) : {};
  if (!isReady) ctx.set('Retry-After', RETRY_AFTER_SECONDS);
  const { started, refused, total } = parts.projects.progress();
  // The code of the problem that other routes answer with, so that a client waiting for startup can match on it.
  const counts = { projects_started: started, projects_refused: refused, projects_total: total };
  const progress = state === 'starting' ? { code: 'starting', ...counts } : {};
  sendJson(ctx, isReady ? OK : UNAVAILABLE, { status, ...progress, ...report });
}

/** Counts are public; project names need authorization. */
async function describe(ctx: AppContext, parts: RouteParts): Promise<object> {
  const { projects, scopes, serverLogHealth } = parts;
  await projects.refresh();
  const readiness = projects.readiness();
  const { degraded } = readiness;
  const serverLog: ReadinessCheck[] = serverLogHealth === undefined ? [] : [{ name: 'server_log', ...serverLogHealth() }];
  const checks = [...readiness.checks, ...serverLog];
  const principal = await identifyCaller(ctx, parts);
  ctx.state.principal = principal;
  const counted = { checks, degraded_count: degraded.length };
  const isAllowed = authorize({ principal, action: 'server.inspect', project: null }, scopes) === 'allow';
  return isAllowed ? { ...counted, degraded } : counted;
}

/** `verbose` is the only parameter, and has no value. */
function readVerbose(entries: readonly QueryEntry[]): boolean {
  refuseQuery(entries.filter((entry) => entry.name !== VERBOSE));
  const [entry] = entries;
  if (entry === undefined) return false;
  if (entry.value === null) return true;
  throw new AppError('invalid_query', 'Cannot use the query: the parameter "verbose" takes no value', { facts: { parameter: VERBOSE } });
}
