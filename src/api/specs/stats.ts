/**
 * The routes about what the server measures.
 */
import { METRICS_PATH, STATS_PATH } from '../paths.js';
import type { RouteSpec } from '../route-spec.js';
import { HISTORY } from '../schemas/stats.js';
import { PROJECT_ID } from '../schemas/projects.js';

/** The media type of metrics for Prometheus. */
export const METRICS_MEDIA_TYPE = 'text/plain';
/** How far the history goes back, in seconds. */
export const HISTORY_SECONDS = 3600;

/** The routes. */
export const STATS_ROUTES = [
  {
    id: 'getMetrics', method: 'GET', path: METRICS_PATH, action: 'server.metrics', needs: 'nothing', rate: null, tag: 'server',
    summary: 'Metrics for Prometheus',
    description: 'In the text format 0.0.4. docs/metrics.md of the package describes each of them. 404 if `metrics.enabled` is false.',
    preconditions: 'ignored',
    body: { kind: 'none' },
    answers: { 200: { description: 'The metrics.', mediaTypes: [METRICS_MEDIA_TYPE] } },
    problems: ['not_found', 'busy'],
    since: '0.2.0',
  },
  {
    id: 'getStats', method: 'GET', path: STATS_PATH, action: 'server.stats', needs: 'nothing', rate: null, tag: 'server',
    summary: 'The history of the last hour',
    description: 'A value every 5 seconds of requests, writes, problems and sizes. With `project`, an API key of that project with the '
      + 'permission `read` is enough.',
    query: {
      window: {
        schema: {
          type: 'string', pattern: '^([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$',
          description: `a whole number from 1 to ${HISTORY_SECONDS}`,
        },
        meaning: 'How far back, in seconds; an hour by default.', example: '600',
      },
      project: {
        schema: { ...PROJECT_ID, description: 'the id of a project' }, meaning: 'The history of this project.', action: 'project.stats',
        namesProject: true, example: 'shop',
      },
    },
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The history.', schema: HISTORY,
        example: { step_seconds: 5, start: '2026-11-22T10:00:00.000Z', series: { requests: [null, 12, 40], keys: [null, 1000, 1020] } },
      },
    },
    problems: ['project_not_found', 'busy'],
    since: '0.2.0',
  },
] as const satisfies readonly RouteSpec[];
