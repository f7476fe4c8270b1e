/**
 * Schemas of keys, values and what a write answers.
 */

/** A position in the log of a project. */
export const SEQ = { type: 'integer', minimum: 0, title: 'number of a change in the log of the project' } as const;

/** The hash of a log line. */
export const HASH = {
  type: 'string', pattern: '^[0-9a-f]{64}$', title: 'SHA-256 of the log line, which covers all lines before it',
} as const;

/** Stands in the receipt of a change only if it holds. */
export const DURABLE = { const: false, title: 'present if the change may not be on disk yet' } as const;

/** The form of a time in JSON: UTC, with milliseconds. */
export const TIME_PATTERN = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$';

/** Of an entry; null for a value that stays. */
export const EXPIRY = { type: ['string', 'null'], title: 'when the value expires; null: never' } as const;

/** Longest `ttl_seconds`, in seconds: a hundred years. */
export const TTL_SECONDS_MAX = 3_153_600_000;

/** The schema of a value. */
export const VALUE = { title: 'any JSON value; it is kept token for token' } as const;

/** The schema of a key. */
export const KEY = { type: 'string', minLength: 1, title: 'name of a value' } as const;

/** The answer to a write of one key. */
export const KEY_RECEIPT = {
  type: 'object',
  properties: { key: KEY, seq: SEQ, hash: HASH, durable: DURABLE },
  required: ['key', 'seq', 'hash'],
} as const;

/** The answer to a write of a value. */
export const SET_RECEIPT = {
  ...KEY_RECEIPT,
  properties: { ...KEY_RECEIPT.properties, expires_at: { ...EXPIRY, title: 'present if the request says when the value expires' } },
} as const;

const DELETED = { type: 'integer', minimum: 0, title: 'number of keys that were deleted, or with dry_run would be' } as const;

/** The answer to a deletion of keys: a receipt, unless it changed nothing. */
export const CLEAR_RECEIPT = {
  anyOf: [
    {
      type: 'object',
      properties: { deleted: DELETED, seq: SEQ, hash: HASH, durable: DURABLE },
      required: ['deleted', 'seq', 'hash'],
      additionalProperties: false,
    },
    {
      type: 'object', title: 'no key was in the range',
      properties: { deleted: { const: 0 } },
      required: ['deleted'],
      additionalProperties: false,
    },
    {
      type: 'object', title: 'with dry_run=true',
      properties: { deleted: DELETED, dry_run: { const: true } },
      required: ['deleted', 'dry_run'],
      additionalProperties: false,
    },
  ],
} as const;

/** The number of keys at a seq. */
const KEY_COUNT = {
  type: 'object', title: 'the number of keys, with count=true; exact at the seq',
  properties: { count: { type: 'integer', minimum: 0 }, seq: SEQ },
  required: ['count', 'seq'],
} as const;

const ENTRY = {
  type: 'object',
  properties: {
    key: KEY, seq: SEQ, modified_at: { type: 'string', pattern: TIME_PATTERN, title: 'when the version was written' }, expires_at: EXPIRY,
    value: VALUE,
  },
  required: ['key', 'seq', 'modified_at', 'expires_at', 'value'],
} as const;

/** Entries one a line. */
export const ENTRY_LINES = { type: 'string', title: 'lines of JSON, each an entry as in the array' } as const;

/** A listing: keys and values, keys only, whole entries, or their number. A key may be named "count": an answer can fit two of them. */
export const LISTING = {
  anyOf: [
    { type: 'object', additionalProperties: VALUE, title: 'keys and values, sorted by key' },
    { type: 'array', items: KEY, title: 'keys in order, with values=false' },
    { type: 'array', items: ENTRY, title: 'entries in order of their keys, with values=entries' },
    KEY_COUNT,
  ],
} as const;
