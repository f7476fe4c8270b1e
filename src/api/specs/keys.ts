/**
 * The routes of keys and values.
 */
import { LINES_MEDIA_TYPE } from '../media-types.js';
import { PROJECT_PATH } from '../paths.js';
import type { ParameterSpec, RouteSpec } from '../route-spec.js';
import { BATCH, BATCH_RECEIPT } from '../schemas/batch.js';
import { CLEAR_RECEIPT, ENTRY_LINES, KEY_RECEIPT, LISTING, SET_RECEIPT, TTL_SECONDS_MAX, VALUE } from '../schemas/keys.js';
import { READ_ANSWER, READ_REQUEST } from '../schemas/read.js';

const KEYS = `${PROJECT_PATH}/keys` as const;
const KEY = `${KEYS}/{key}` as const;

/** Largest `limit`. */
export const LISTING_LIMIT_MAX = 10_000;

const FLAG = { enum: ['true', 'false'], description: '"true" or "false"' };

const HASH_EXAMPLE = 'b9eb3ad01daadc1f2d1d7a2f3a9b2a3ce12fd1b7b3a3f7f4b2b0c1a2d3e4f506';
const RECEIPT_EXAMPLE = { key: 'user/1', seq: 57, hash: HASH_EXAMPLE };

/** The form of a moment in the log of a project. */
export const MOMENT = {
  type: 'string', pattern: '^(0|[1-9][0-9]{0,15}|[0-9]{4}-.*)$',
  description: 'a seq, or a time of RFC 3339 such as "2026-11-22T10:00:00Z"',
};

/** The moment of a read. */
export const AT_PARAMETERS = {
  at: {
    schema: MOMENT, example: '57', action: 'keys.read_past',
    meaning: 'The state after the line of this seq, or before the first line that is later than this time. The header `SimpleKV-At` of '
      + 'the answer has the seq.',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

const RANGE_PARAMETERS = {
  prefix: { schema: { type: 'string' }, meaning: 'Only keys that start with it.', example: 'user/' },
  start: { schema: { type: 'string' }, meaning: 'Only keys from this one on, inclusive.' },
  end: { schema: { type: 'string' }, meaning: 'Only keys before this one, exclusive. `reverse` does not swap `start` and `end`.' },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The parameters of a listing. */
export const LISTING_PARAMETERS = {
  ...RANGE_PARAMETERS,
  limit: {
    schema: { type: 'string', pattern: '^([1-9][0-9]{0,3}|10000)$', description: `a whole number from 1 to ${LISTING_LIMIT_MAX}` },
    meaning: 'Keys per page. If there are more, the header `Link` has the next page. Without it, the answer has all keys.',
    example: '100',
  },
  cursor: {
    schema: { type: 'string', pattern: '^[0-9A-Za-z_-]+$', description: 'the one from a "Link" header' },
    meaning: 'The one from a `Link` header.',
  },
  reverse: { schema: FLAG, meaning: '`true`: last key first.' },
  values: {
    schema: { enum: ['true', 'false', 'entries'], description: '"true", "false" or "entries"' },
    meaning: '`false`: an array of keys. `entries`: an array of keys with their versions, times and values.',
  },
  count: { schema: FLAG, meaning: '`true`: only the number of keys. Not beside `limit`, `cursor`, `reverse` or `values`.' },
  ...AT_PARAMETERS,
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The parameters of a deletion of many keys. */
export const CLEAR_PARAMETERS = {
  ...RANGE_PARAMETERS,
  expect_count: {
    schema: { type: 'string', pattern: '^(0|[1-9][0-9]{0,15})$', description: 'a number of keys' },
    meaning: 'Only if there are exactly so many keys to delete; otherwise 412, with `expected` and `actual`.',
    example: '12',
  },
  dry_run: { schema: FLAG, meaning: '`true`: deletes nothing and answers how many keys it would be.' },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The parameters of a write of one key. */
export const WRITE_PARAMETERS = {
  if_seq: {
    schema: { type: 'string', pattern: '^(0|[1-9][0-9]{0,15})$', description: 'the seq of a version, or 0 for a key that does not exist' },
    meaning: 'Only if this is the `seq` of the current version; `0`: only if the key does not exist. Not beside a conditional header.',
    example: '41',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The parameters of a write of a value. */
export const SET_PARAMETERS = {
  ...WRITE_PARAMETERS,
  ttl_seconds: {
    schema: { type: 'string', pattern: '^[1-9][0-9]{0,9}$', description: `a whole number of seconds from 1 to ${TTL_SECONDS_MAX}` },
    meaning: 'The value expires so many seconds after it was written.',
    example: '3600',
  },
  expires_at: {
    schema: { type: 'string', description: 'a time such as 2026-11-22T10:00:00Z' },
    meaning: 'The value expires at this time, which must be in the future: RFC 3339, with a zone.',
  },
  keep_ttl: {
    schema: FLAG,
    meaning: '`true`: the value expires when the one before it does. Without `ttl_seconds`, `expires_at` or this, it never expires.',
  },
} as const satisfies Readonly<Record<string, ParameterSpec>>;

/** The routes. */
export const KEY_ROUTES = [
  {
    id: 'getKey', method: 'GET', path: KEY, action: 'keys.read', needs: 'store', rate: 'read', tag: 'keys',
    summary: 'Read a value',
    query: AT_PARAMETERS,
    preconditions: 'read',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'The value, token for token as it was sent.', schema: VALUE, headers: ['ETag', 'Last-Modified'],
        optionalHeaders: ['SimpleKV-Expires-At', 'SimpleKV-At'],
        example: { name: 'Ada', balance: 1 },
      },
      304: {
        description: 'The version that `If-None-Match` names is the current one, or that of the moment.',
        headers: ['ETag', 'Last-Modified'],
        optionalHeaders: ['SimpleKV-Expires-At', 'SimpleKV-At'],
      },
    },
    problems: ['key_not_found', 'busy'],
    since: '0.1.0',
  },
  {
    id: 'setKey', method: 'PUT', aliases: ['POST'], path: KEY, action: 'keys.write', needs: 'store', rate: 'write', tag: 'keys',
    summary: 'Store a value',
    description: 'Creates the key or replaces its value. With one of `ttl_seconds`, `expires_at` and `keep_ttl`, the value may expire: '
      + 'from then on the key does not exist, as after a deletion.',
    query: SET_PARAMETERS,
    preconditions: 'write',
    idempotent: true,
    body: { kind: 'value' },
    answers: {
      200: { description: 'The value was replaced.', schema: SET_RECEIPT, headers: ['ETag'], example: RECEIPT_EXAMPLE },
      201: { description: 'The key was created.', schema: SET_RECEIPT, headers: ['ETag'], example: RECEIPT_EXAMPLE },
    },
    problems: [],
    since: '0.1.0',
  },
  {
    id: 'deleteKey', method: 'DELETE', path: KEY, action: 'keys.write', needs: 'store', rate: 'write', tag: 'keys',
    summary: 'Delete a key',
    query: WRITE_PARAMETERS,
    preconditions: 'write',
    idempotent: true,
    body: { kind: 'none' },
    answers: { 200: { description: 'The key was deleted.', schema: KEY_RECEIPT, example: RECEIPT_EXAMPLE } },
    problems: ['key_not_found'],
    since: '0.1.0',
  },
  {
    id: 'listKeys', method: 'GET', path: KEYS, action: 'keys.read', needs: 'store', rate: 'read', tag: 'keys',
    summary: 'List or count keys and values',
    description: 'Sorted by the UTF-8 bytes of the keys. A long listing is built from pieces of up to 1,000 keys, each of one moment. '
      + 'If the connection ends before the closing bracket, the listing is incomplete. With `values=entries`, '
      + '`Accept: application/x-ndjson` asks for one entry a line.',
    query: LISTING_PARAMETERS,
    preconditions: 'none',
    body: { kind: 'none' },
    answers: {
      200: {
        description: 'Keys and values, or keys only, or whole entries, or the number of keys.', schema: LISTING,
        optionalHeaders: ['Link', 'Vary', 'SimpleKV-At'],
        example: { 'greeting': 'hello', 'user/1': { name: 'Ada', balance: 1 } },
        alternatives: {
          [LINES_MEDIA_TYPE]: {
            schema: ENTRY_LINES,
            example: '{"key":"greeting","seq":7,"modified_at":"2026-11-22T10:00:00.123Z","expires_at":null,"value":"hello"}\n',
          },
        },
      },
    },
    problems: ['not_acceptable', 'busy'],
    since: '0.1.0',
  },
  {
    id: 'readKeys', method: 'POST', path: `${PROJECT_PATH}/read`, action: 'keys.read', needs: 'store', rate: 'read', tag: 'keys',
    summary: 'Read many keys at once',
    description: 'All entries are of one moment, that of `seq`, however long the answer takes. If the keys change so much meanwhile that '
      + 'their older values cannot be kept, the connection ends before the closing brace: the answer is then incomplete.',
    query: AT_PARAMETERS,
    preconditions: 'none',
    body: { kind: 'read', schema: READ_REQUEST, example: { keys: ['user/1', 'none'] } },
    answers: {
      200: {
        description: 'The entries, in the order of the keys.', schema: READ_ANSWER, optionalHeaders: ['SimpleKV-At'],
        example: {
          seq: 58,
          entries: [
            { key: 'user/1', seq: 57, etag: '"57-5be07f31"', expires_at: null, value: { name: 'Ada', balance: 1 } },
            { key: 'none', seq: 0 },
          ],
        },
      },
    },
    problems: ['busy'],
    since: '0.2.0',
  },
  {
    id: 'clearKeys', method: 'DELETE', path: KEYS, action: 'keys.write', needs: 'store', rate: 'write', tag: 'keys',
    summary: 'Delete every key, or the keys of a range',
    description: 'The keys are deleted together, in one line of the log. If no key is in the range, nothing is changed, and the answer has '
      + 'no `seq` and no `hash`. Without a range, the line is written even if there was no key.',
    query: CLEAR_PARAMETERS,
    preconditions: 'none',
    idempotent: true,
    body: { kind: 'none' },
    answers: {
      200: { description: 'The keys were deleted.', schema: CLEAR_RECEIPT, example: { deleted: 2, seq: 58, hash: HASH_EXAMPLE } },
    },
    problems: ['precondition_failed'],
    since: '0.1.0',
  },
  {
    id: 'applyBatch', method: 'POST', path: `${PROJECT_PATH}/batch`, action: 'keys.write', needs: 'store', rate: 'write', tag: 'keys',
    summary: 'Change several keys at once',
    description: 'All operations take effect together, in one line of the log, or none of them does. Conditions are about the state before '
      + 'the batch; operations on one key apply in their order. A batch that changes nothing has no line and no `hash`.',
    preconditions: 'none',
    idempotent: true,
    body: {
      kind: 'batch', schema: BATCH,
      example: { ops: [{ op: 'check', key: 'stock/1', if_seq: 41 }, { op: 'set', key: 'order/7', value: { n: 1 }, if_seq: 0 }] },
    },
    answers: {
      200: {
        description: 'The batch was carried out.', schema: BATCH_RECEIPT,
        example: { seq: 58, hash: HASH_EXAMPLE, results: [{ key: 'stock/1', seq: 41 }, { key: 'order/7', created: true }] },
      },
    },
    problems: [],
    since: '0.2.0',
  },
] as const satisfies readonly RouteSpec[];
