/**
 * Schemas of the events of a project.
 */
import { GLOBAL_KEY_PERMISSIONS } from './access.js';
import { PROJECT_ID } from './projects.js';
import { EXPIRY, HASH, KEY, SEQ, VALUE } from './keys.js';

const CHANGE = {
  oneOf: [
    {
      type: 'object', title: 'sets a value',
      properties: { op: { const: 'set' }, key: KEY, value: VALUE },
      required: ['op', 'key', 'value'],
    },
    {
      type: 'object', title: 'sets a value that expires',
      properties: { op: { const: 'set.until' }, expires_at: EXPIRY, key: KEY, value: VALUE },
      required: ['op', 'expires_at', 'key', 'value'],
    },
    { type: 'object', title: 'deletes a key', properties: { op: { const: 'delete' }, key: KEY }, required: ['op', 'key'] },
    {
      type: 'object', title: 'sets when a value expires',
      properties: { op: { const: 'touch' }, expires_at: EXPIRY, key: KEY },
      required: ['op', 'expires_at', 'key'],
    },
  ],
} as const;

const TIME = {
  type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$', title: 'for people, never for order',
  description: 'a time such as 2026-11-22T10:00:00.123Z',
} as const;
const OPERATION = { type: 'string', pattern: '^[a-z_.]+$', title: 'what happened, such as set; other fields depend on it' } as const;

const BOUND = { type: ['string', 'null'] } as const;

const REDACTED_LINE = {
  type: 'object',
  properties: {
    seq: { ...SEQ, minimum: 1 },
    digest: { type: ['string', 'null'], title: 'SHA-256 of the part that was erased; null if the log no longer had the line' },
    bytes: { type: ['integer', 'null'], title: 'the length of that part' },
    left: { type: 'object', title: 'the fields of the operation without values' },
  },
  required: ['seq', 'digest', 'bytes', 'left'],
} as const;

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
    salt: { type: 'string', title: 'random, so that a value cannot be guessed from the hash of its line; erased lines have none' },
    erased: { const: true, title: 'of a line whose values were erased: a later redact says what is left of the other fields' },
    key: KEY,
    value: VALUE,
    expires_at: { ...EXPIRY, title: 'of a set.until or touch: when the value expires; of an API key: when it does; null: never' },
    keys: { type: 'array', items: KEY, minItems: 1, title: 'of an expire: keys that had expired' },
    ops: { type: 'array', items: CHANGE, minItems: 1, title: 'of a batch: its changes' },
    prefix: { ...BOUND, title: 'of a clear.range: only keys with this prefix' },
    start: { ...BOUND, title: 'of a clear.range: only keys from this one on' },
    end: { ...BOUND, title: 'of a clear.range: only keys before this one' },
    count: { type: 'integer', minimum: 0, title: 'of a clear or clear.range: the number of keys that it deleted' },
    reason: { type: 'string', title: 'of a redact: why' },
    lines: { type: 'array', items: REDACTED_LINE, minItems: 1, title: 'of a redact: the lines whose values were erased' },
    base: {
      type: 'object', title: 'of a redact: the snapshot that the log continues from was made again without values',
      properties: { old: HASH, new: HASH }, required: ['old', 'new'],
    },
    settings: { type: 'object', title: 'of a change of the project: all of its settings' },
    key_id: { type: ['string', 'null'], title: 'of a change of the project or of an API key: names the key' },
    name: { type: 'string', title: 'of an API key: its label' },
    permissions: { ...GLOBAL_KEY_PERMISSIONS, title: 'of an API key: what it may do' },
    not_before: { ...BOUND, title: 'of an API key: until then it is refused' },
    previous_key_id: { type: 'string', title: 'of a rotation: names the key that was replaced' },
    previous_expires_at: { type: 'string', title: 'of a rotation: from then on that key is refused' },
    hash: HASH,
  },
  required: ['seq', 'time', 'op', 'actor', 'request', 'durable', 'hash'],
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
