/**
 * The routes of the log of a project.
 */
import { STREAM_MEDIA_TYPE, LINES_MEDIA_TYPE } from '../media-types.js';
import { PROJECT_PATH } from '../paths.js';
import type { ParameterSpec, RouteSpec } from '../route-spec.js';
import { CHECKPOINT, EVENT_LINES, EVENT_STREAM, EVENTS_PAGE, FOUND_RECEIPT } from '../schemas/events.js';

/** Largest `limit` of a page of events. */
const EVENTS_LIMIT_MAX = 1000;
const WAIT_SECONDS_MAX = 300;
/** Characters of an actor, such as `project:<63>#<16>`. */
const ACTOR_CHARACTERS_MAX = 200;

const POSITION = {
  type: 'string', pattern: '^[0-9A-Za-z:.+-]{1,64}$',
  description: 'a seq, "<seq>-<8 hexadecimal digits>", "now" or a time such as 2026-11-22T10:00:00Z',
} as const;

const EVENT_EXAMPLE = {
  seq: 57, time: '2026-11-22T10:00:00.123Z', op: 'set', actor: 'project:shop#3f2a9c0d11e8b7a6', request: 'r-57', durable: 56,
  salt: 'AAECAwQFBgcICQoLDA0ODw', key: 'user/1', value: { name: 'Ada', balance: 1 },
  hash: 'b9eb3ad01daadc1f2d1d7a2f3a9b2a3ce12fd1b7b3a3f7f4b2b0c1a2d3e4f506',
};
const LINE_EXAMPLE = JSON.stringify(EVENT_EXAMPLE);

/** The parameters of the events. */
export const EVENTS_PARAMETERS = {
  since: {
    schema: POSITION, example: '57-b9eb3ad0',
    meaning: 'Only events after this position: a seq, perhaps with the first 8 digits of the hash of its line, `now`, or an RFC 3339 time. '
      + 'Without it, from the oldest event that is kept.',
  },
  until: { schema: POSITION, meaning: 'Only events up to this position, inclusive.' },
  key: { schema: { type: 'string' }, meaning: 'Only events that change this key: its history.', example: 'user/1' },
  prefix: { schema: { type: 'string' }, meaning: 'Only events that change a key with this prefix, or may delete one.' },
  op: {
    schema: { type: 'string', pattern: '^[a-z_.]{1,64}$', description: 'the name of an operation, such as "set"' },
    meaning: 'Only this operation, alone or in a batch.', example: 'set',
  },
  actor: {
    schema: {
      type: 'string', maxLength: ACTOR_CHARACTERS_MAX, pattern: '^[^"\\\\\\u0000-\\u001f]*$', description: 'part of an actor',
    },
    meaning: 'Only changes whose actor contains this text, such as the id of an API key.',
  },
  limit: {
    schema: { type: 'string', pattern: '^([1-9][0-9]{0,2}|1000)$', description: `a whole number from 1 to ${EVENTS_LIMIT_MAX}` },
    meaning: 'Events per page, 100 by default; of lines, the most in all.', example: '100',
  },
  order: { schema: { enum: ['asc', 'desc'], description: '"asc" or "desc"' }, meaning: '`desc`: newest first.' },
  wait_seconds: {
    schema: {
      type: 'string', pattern: '^([1-9][0-9]?|[12][0-9]{2}|300)$', description: `a whole number from 1 to ${WAIT_SECONDS_MAX}`,
    },
    meaning: 'If there is no event for the page, wait that long for one.',
  },
  follow: {
    schema: { enum: ['true', 'false'], description: '"true" or "false"' },
    meaning: '`true`: lines go on as they are written.',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

const RECEIPT_PARAMETERS = {
  seq: {
    schema: { type: 'string', pattern: '^[1-9][0-9]{0,15}$', description: 'a seq: a whole number from 1' },
    meaning: 'The seq of the receipt.', isRequired: true, example: '57',
  },
  hash: {
    schema: { type: 'string', pattern: '^[0-9a-fA-F]{64}$', description: 'a receipt: 64 hexadecimal digits' },
    meaning: 'The receipt.', isRequired: true, example: EVENT_EXAMPLE.hash,
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The routes. */
export const LOG_ROUTES = [
  {
    id: 'listEvents', method: 'GET', path: `${PROJECT_PATH}/events`, action: 'events.read', needs: 'store', rate: 'read', tag: 'log',
    summary: 'Read and follow events',
    description: 'Each durable line of the log, once, in order and without a gap. `Accept` selects a page, lines as they are in the files, '
      + 'or server-sent events. A stream that ends without having said so is incomplete.',
    query: EVENTS_PARAMETERS,
    requestHeaders: {
      'Last-Event-ID': {
        schema: { type: 'string', pattern: '^[0-9]+(-[0-9a-f]{8})?$' }, example: '57-b9eb3ad0',
        meaning: 'For server-sent events: continue after the event of this `id`. It wins over `since`.',
      },
    },
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'A page of events, or a stream of them.', schema: EVENTS_PAGE, headers: ['Vary'],
        optionalHeaders: ['Link', 'SimpleKV-Log-Id', 'SimpleKV-Prev'],
        example: { events: [EVENT_EXAMPLE], last_seq: 57 },
        alternatives: {
          [LINES_MEDIA_TYPE]: { schema: EVENT_LINES, example: `${LINE_EXAMPLE}\n` },
          [STREAM_MEDIA_TYPE]: {
            schema: EVENT_STREAM, example: `retry: 2000\n\nid: 57-b9eb3ad0\nevent: set\ndata: ${LINE_EXAMPLE}\n\n`,
          },
        },
      },
    },
    problems: ['not_acceptable', 'ahead_of_log', 'history_gone', 'too_many_streams', 'busy'],
    since: '0.2.0',
  },
  {
    id: 'getCheckpoint', method: 'GET', path: `${PROJECT_PATH}/checkpoint`, action: 'events.read', needs: 'store', rate: 'read', tag: 'log',
    summary: 'Get a checkpoint of the log',
    description: 'The newest line, once it is on disk whatever the durability. Its hash covers all lines before it: kept outside the data '
      + 'folder, it proves later that nothing up to there was changed: `simplekv verify --checkpoint`.',
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The checkpoint.', schema: CHECKPOINT,
        example: {
          project: 'shop', log_id: '5be07f319c41d2aa5be07f319c41d2aa', seq: EVENT_EXAMPLE.seq, hash: EVENT_EXAMPLE.hash,
          time: EVENT_EXAMPLE.time,
        },
      },
    },
    problems: ['not_on_disk', 'disk_failed', 'log_failed', 'outcome_unknown'],
    since: '0.2.0',
  },
  {
    id: 'findReceipt', method: 'GET', path: `${PROJECT_PATH}/receipts`, action: 'events.read', needs: 'store', rate: 'read', tag: 'log',
    summary: 'Check a receipt',
    description: 'Whether the log has the line that a receipt was given for. Reads one segment of the log.',
    query: RECEIPT_PARAMETERS,
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The log has it.', schema: FOUND_RECEIPT,
        example: { seq: EVENT_EXAMPLE.seq, time: EVENT_EXAMPLE.time, op: EVENT_EXAMPLE.op, found: true },
      },
    },
    problems: ['receipt_not_found', 'history_gone', 'busy'],
    since: '0.2.0',
  },
] as const satisfies readonly RouteSpec[];
