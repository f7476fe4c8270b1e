/**
 * The health probes: is the process alive, and can it serve. They need no API key, and name projects only to the global one.
 */
import { authorize } from '../../auth/authorize.js';
import type { ReadinessCheck } from '../../projects/projects.js';
import { identifyCaller } from '../access.js';
import type { Answer, Exchange } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer } from '../json-answer.js';
import type { QueryParameters } from '../query.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
const UNAVAILABLE = 503;
const RETRY_AFTER_SECONDS = '1';

/** Returns the handlers. */
export function healthRoutes(parts: HttpParts): RouteHandlers<'getLiveness' | 'getReadiness'> {
  return {
    getLiveness: { handle: () => jsonAnswer(OK, { status: 'live' }) },
    getReadiness: { handle: (exchange) => showReadiness(exchange, parts) },
  };
}

async function showReadiness(exchange: Exchange, parts: HttpParts): Promise<Answer> {
  const state = parts.phase();
  const isReady = state === 'serving' && parts.projects.canWrite;
  const unready = state === 'serving' ? 'not_ready' : state;
  const status = isReady ? 'ready' : unready;
  const { verbose } = exchange.query as QueryParameters;
  const report = verbose !== undefined ? await describe(exchange, parts) : {};
  const { started, refused, total } = parts.projects.progress();
  // The code of the problem that other routes answer with, so that a client waiting for startup can match on it.
  const counts = { projects_started: started, projects_refused: refused, projects_total: total };
  const progress = state === 'starting' ? { code: 'starting', ...counts } : {};
  const document = { status, ...progress, ...report };
  return isReady ? jsonAnswer(OK, document) : jsonAnswer(UNAVAILABLE, document, ['Retry-After', RETRY_AFTER_SECONDS]);
}

/** Counts are public; project names need authorization. */
async function describe(exchange: Exchange, parts: HttpParts): Promise<object> {
  const { projects, scopes, serverLogHealth } = parts;
  await projects.refresh();
  const readiness = projects.readiness();
  const { degraded } = readiness;
  const serverLog: ReadinessCheck[] = serverLogHealth === undefined ? [] : [{ name: 'server_log', ...serverLogHealth() }];
  const checks = [...readiness.checks, ...serverLog];
  const principal = await identifyCaller(exchange, parts);
  exchange.principal = principal;
  const counted = { checks, degraded_count: degraded.length };
  const isAllowed = authorize({ principal, action: 'server.inspect', project: null }, scopes) === 'allow';
  return isAllowed ? { ...counted, degraded } : counted;
}
