/**
 * The schema of the history.
 */
import type { JsonSchema } from '../../base/setting.js';
import { TIME_PATTERN } from './keys.js';

const VALUES = { type: 'array', items: { type: ['number', 'null'] } } as const;

function series(title: string): JsonSchema {
  return { ...VALUES, title };
}

/** Steps of the same length, oldest first. A project has no series about the server. */
export const HISTORY = {
  type: 'object',
  properties: {
    step_seconds: { type: 'integer', minimum: 1, title: 'length of a step' },
    start: { type: 'string', pattern: TIME_PATTERN, title: 'when the first step began' },
    series: {
      type: 'object',
      title: 'a value for each step; null where it is not known',
      properties: {
        requests: series('requests in the step'),
        writes: series('lines appended in the step'),
        problems_4xx: series('answers with a status from 400 to 499 in the step'),
        problems_5xx: series('answers with a status from 500 in the step'),
        keys: series('keys at its end'),
        value_bytes: series('size of all values at its end'),
        queue_commands: series('changes that waited at its end'),
        sync_p50_seconds: series('server: median time of the syncs in the step; null without any'),
        sync_p99_seconds: series('server: the same, 99th percentile'),
        resident_bytes: series('server: resident memory at its end'),
        event_loop_lag_p99_seconds: series('server: how late the event loop was in the step, 99th percentile'),
      },
    },
  },
  required: ['step_seconds', 'start', 'series'],
} as const;
