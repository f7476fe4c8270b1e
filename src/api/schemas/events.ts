/**
 * Schemas of the events of a project.
 */
import { PROJECT_ID } from './projects.js';
import { HASH, KEY, SEQ, VALUE } from './keys.js';

const CHANGE = {
  oneOf: [
    {
      type: 'object', title: 'sets a value',
      properties: { op: { const: 'set' }, key: KEY, value: VALUE },
      required: ['op', 'key', 'value'],
    },
    { type: 'object', title: 'deletes a key', properties: { op: { const: 'delete' }, key: KEY }, required: ['op', 'key'] },
  ],
} as const;

const TIME = {
  type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$', title: 'for people, never for order',
  description: 'a time such as 2026-11-22T10:00:00.123Z',
} as const;
const OPERATION = { type: 'string', pattern: '^[a-z_.]+$', title: 'what happened, such as set; other fields depend on it' } as const;

const BOUND = { type: ['string', 'null'] } as const;

/** An event: a line of the log. */
export const EVENT = {
  type: 'object', title: 'a line of the log',
  properties: {
    seq: SEQ,
    time: TIME,
    op: OPERATION,
    actor: { type: 'string', title: 'who made the change' },
    request: { type: 'string', title: 'the X-Request-Id of the change' },
    durable: { type: 'integer', minimum: 0, title: 'a seq that was on disk when the line was written' },
    salt: { type: 'string', title: 'random, so that a value cannot be guessed from the hash of its line' },
    key: KEY,
    value: VALUE,
    ops: { type: 'array', items: CHANGE, minItems: 1, title: 'of a batch: its changes' },
    prefix: { ...BOUND, title: 'of a clear.range: only keys with this prefix' },
    start: { ...BOUND, title: 'of a clear.range: only keys from this one on' },
    end: { ...BOUND, title: 'of a clear.range: only keys before this one' },
    count: { type: 'integer', minimum: 0, title: 'of a clear or clear.range: the number of keys that it deleted' },
    settings: { type: 'object', title: 'of a change of the project: all of its settings' },
    key_id: { type: ['string', 'null'], title: 'of a change of the project: names its API key' },
    hash: HASH,
  },
  required: ['seq', 'time', 'op', 'actor', 'request', 'durable', 'salt', 'hash'],
} as const;

/** A checkpoint: the newest line, for a record outside the data folder. Lines of a checkpoint file are checked with it too. */
export const CHECKPOINT = {
  type: 'object', title: 'what the log was at a line, as a record outside the data folder', description: 'an object',
  properties: {
    project: PROJECT_ID,
    log_id: {
      type: 'string', pattern: '^[0-9a-f]{32}$', title: 'names the log; a project has another one after a repair or a move between memory '
        + 'and disk', description: '32 hexadecimal digits in lower case',
    },
    seq: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, title: 'number of the line', description: 'a seq, at least 1' },
    hash: { ...HASH, description: '64 hexadecimal digits in lower case' },
    time: { ...TIME, title: 'the time of the line' },
  },
  required: ['project', 'log_id', 'seq', 'hash', 'time'],
} as const;

/** A receipt that the log has. */
export const FOUND_RECEIPT = {
  type: 'object', title: 'the line that the receipt was given for',
  properties: { seq: SEQ, time: { ...TIME, title: 'when the line was written' }, op: OPERATION, found: { const: true } },
  required: ['seq', 'time', 'op', 'found'],
} as const;

/** A page of events. */
export const EVENTS_PAGE = {
  type: 'object',
  properties: {
    events: { type: 'array', items: EVENT },
    last_seq: { ...SEQ, title: 'the seq up to which everything was examined; newest first, the newest one that the pages cover' },
  },
  required: ['events', 'last_seq'],
} as const;

/** Events one a line. */
export const EVENT_LINES = { type: 'string', title: 'lines of JSON, each an event as in a page' } as const;

/** Events as they are written. */
export const EVENT_STREAM = { type: 'string', title: 'server-sent events; the data of an event is its line' } as const;
