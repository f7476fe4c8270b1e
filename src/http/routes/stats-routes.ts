/**
 * Routes about what was measured: the metrics for Prometheus, and the history of the last hour.
 */
import { HISTORY_SECONDS, METRICS_MEDIA_TYPE } from '../../api/specs/stats.js';
import { AppError } from '../../base/app-error.js';
import type { Answer, Exchange } from '../exchange.js';
import type { HttpParts } from '../http-parts.js';
import { jsonAnswer, uncached } from '../json-answer.js';
import type { LongAnswers } from '../long-answers.js';
import type { QueryParameters } from '../query.js';
import type { RouteHandlers } from '../route-handlers.js';

const OK = 200;
/** Memory that is reserved for a piece of the metrics, in bytes: what a turn adds may make a piece a little longer than 64 kB. */
const PIECE_BYTES = 131_072;

type StatsParts = Pick<HttpParts, 'measured' | 'options' | 'projects' | 'turns'> & { readonly longAnswers: LongAnswers };

/** Returns the handlers. */
export function statsRoutes(parts: StatsParts): RouteHandlers<'getMetrics' | 'getStats'> {
  return {
    getMetrics: { handle: (exchange) => getMetrics(exchange, parts) },
    getStats: { handle: (exchange) => getStats(exchange, parts) },
  };
}

async function getMetrics(exchange: Exchange, { longAnswers, measured, options, turns }: StatsParts): Promise<Answer> {
  if (!options.metricsEnabled) throw new AppError('not_found', 'Cannot show metrics: "metrics.enabled" is false in the configuration');
  const headers = uncached(`${METRICS_MEDIA_TYPE}; version=0.0.4; charset=utf-8`);
  if (exchange.request.method === 'HEAD') return { status: OK, headers, body: null };
  await longAnswers.reserve(exchange, PIECE_BYTES);
  return { status: OK, headers, body: measured.exposition(() => turns.next()) };
}

function getStats({ query }: Exchange, { measured, projects }: StatsParts): Answer {
  const { project, window } = query as QueryParameters;
  // Throws for one that does not exist.
  if (project !== undefined) projects.details(project);
  return jsonAnswer(OK, measured.history(project, window === undefined ? HISTORY_SECONDS : Number(window)));
}
