/**
 * The routes that compare states of a project, and bring one back.
 */
import { LINES_MEDIA_TYPE } from '../media-types.js';
import { PROJECT_PATH } from '../paths.js';
import type { ParameterSpec, RouteSpec } from '../route-spec.js';
import { DIFF_LINES, DIFF_PAGE, REVERT_ANSWER, REVERT_REQUEST } from '../schemas/diff.js';
import { MOMENT } from './keys.js';

/** Largest `limit` of a page. */
const DIFF_LIMIT_MAX = 1000;

const CHANGE_EXAMPLE = {
  key: 'user/1', change: 'changed', seq: 57, time: '2026-11-22T10:00:00.123Z', op: 'set', actor: 'project:shop#3f2a9c0d11e8b7a6',
  request: 'r-57',
  before: { seq: 41, modified_at: '2026-11-21T09:00:00.000Z', expires_at: null },
  after: { seq: 57, modified_at: '2026-11-22T10:00:00.123Z', expires_at: null },
};
const HASH_EXAMPLE = 'b9eb3ad01daadc1f2d1d7a2f3a9b2a3ce12fd1b7b3a3f7f4b2b0c1a2d3e4f506';

/** The parameters of a comparison. */
export const DIFF_PARAMETERS = {
  from: {
    schema: MOMENT, isRequired: true, example: '41',
    meaning: 'The state to compare with: after the line of this seq, or before the first line that is later than this time. `0`: empty.',
  },
  to: { schema: MOMENT, meaning: 'The other state, in the same way; not before `from`. Without it, the newest state.', example: '57' },
  prefix: { schema: { type: 'string' }, meaning: 'Only keys that start with it.', example: 'user/' },
  values: {
    schema: { enum: ['true', 'false'], description: '"true" or "false"' },
    meaning: '`true`: each version with its value.',
  },
  limit: {
    schema: { type: 'string', pattern: '^([1-9][0-9]{0,2}|1000)$', description: `a whole number from 1 to ${DIFF_LIMIT_MAX}` },
    meaning: 'Changes per page, 100 by default; lines have no pages without it.', example: '100',
  },
  cursor: {
    schema: { type: 'string', pattern: '^[0-9A-Za-z_-]+$', description: 'the one from a "Link" header' },
    meaning: 'The one from a `Link` header.',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The routes. */
export const HISTORY_ROUTES = [
  {
    id: 'diffKeys', method: 'GET', path: `${PROJECT_PATH}/diff`, action: 'keys.diff', needs: 'store', rate: 'read', tag: 'keys',
    summary: 'Compare two states',
    description: 'The keys whose value or expiry differs between two moments, each with the line of its last change up to the later one. '
      + 'Both states are fixed, whatever is written meanwhile; a `Link` goes on with the same two. `Accept` selects a page or lines.',
    query: DIFF_PARAMETERS,
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The changes, in the order of their keys.', schema: DIFF_PAGE, headers: ['Vary', 'SimpleKV-From', 'SimpleKV-At'],
        optionalHeaders: ['Link'],
        example: { from: 41, to: 57, changes: [CHANGE_EXAMPLE] },
        alternatives: { [LINES_MEDIA_TYPE]: { schema: DIFF_LINES, example: `${JSON.stringify(CHANGE_EXAMPLE)}\n` } },
      },
    },
    problems: ['not_acceptable'],
    since: '0.2.0',
  },
  {
    id: 'revertKeys', method: 'POST', path: `${PROJECT_PATH}/revert`, action: 'keys.revert', needs: 'store', rate: 'write', tag: 'keys',
    summary: 'Bring back the values of a moment',
    description: 'Changes the keys that differ from their state at `to`, in one line of the log, so that they are as they were: their '
      + 'values token for token, their expiries unless these have passed; keys that did not exist are deleted. Nothing is changed if an '
      + 'affected key has changed since `if_seq`, or since the request: 412 with `keys`, of which there are `count`.',
    preconditions: 'none',
    idempotent: true,
    body: { kind: 'revert', schema: REVERT_REQUEST, example: { to: 41, prefix: 'user/', if_seq: 57 } },
    answers: {
      200: {
        description: 'The keys are as they were.', schema: REVERT_ANSWER,
        example: { to: 41, reverted: 2, seq: 58, hash: HASH_EXAMPLE },
      },
    },
    problems: [],
    since: '0.2.0',
  },
] as const satisfies readonly RouteSpec[];
