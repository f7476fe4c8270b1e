/**
 * Schemas of a batch and of what it answers.
 */
import { DURABLE, HASH, KEY, SEQ, TTL_SECONDS_MAX, VALUE } from './keys.js';

const TTL_SECONDS = {
  type: 'integer', minimum: 1, maximum: TTL_SECONDS_MAX, title: 'the value expires so many seconds after the batch',
} as const;
const EXPIRES_AT = { type: ['string', 'null'], title: 'the value expires at this time, RFC 3339, in the future; null: never' } as const;

const IF_SEQ = {
  type: 'integer', minimum: 0, title: 'only if this is the version of the key before the batch; 0: only if there is none',
} as const;
const IF_MATCH = { type: 'string', title: 'the same with an entity tag, as in the header If-Match' } as const;
const CONDITION = { if_seq: IF_SEQ, if_match: IF_MATCH } as const;

const CHECK = {
  type: 'object', title: 'demands a version',
  properties: { op: { const: 'check' }, key: KEY, ...CONDITION },
  required: ['op', 'key'],
  additionalProperties: false,
} as const;
const SET = {
  type: 'object', title: 'sets a value',
  properties: {
    op: { const: 'set' }, key: KEY, value: VALUE, ...CONDITION, ttl_seconds: TTL_SECONDS, expires_at: EXPIRES_AT,
    keep_ttl: { type: 'boolean', title: 'true: the value expires when the one before it does; at most one of the three' },
  },
  required: ['op', 'key', 'value'],
  additionalProperties: false,
} as const;
const DELETE = {
  type: 'object', title: 'deletes a key',
  properties: {
    op: { const: 'delete' }, key: KEY, ...CONDITION,
    if_exists: { type: 'boolean', title: 'true: the batch fails if the key did not exist before it' },
  },
  required: ['op', 'key'],
  additionalProperties: false,
} as const;

const TOUCH = {
  type: 'object', title: 'sets when a value expires; it becomes another version, with the same value',
  properties: {
    op: { const: 'touch' }, key: KEY, ...CONDITION, ttl_seconds: TTL_SECONDS, expires_at: EXPIRES_AT,
    if_exists: { type: 'boolean', title: 'true: the batch fails if the key did not exist before it' },
  },
  required: ['op', 'key'],
  additionalProperties: false,
} as const;

/** The body of a batch. */
export const BATCH = {
  type: 'object',
  properties: { ops: { type: 'array', items: { oneOf: [CHECK, SET, DELETE, TOUCH] }, minItems: 1 } },
  required: ['ops'],
  additionalProperties: false,
} as const;

const RESULT = {
  oneOf: [
    { type: 'object', properties: { key: KEY, seq: SEQ }, required: ['key', 'seq'], title: 'of a check: the version' },
    { type: 'object', properties: { key: KEY, created: { type: 'boolean' } }, required: ['key', 'created'], title: 'of a set' },
    { type: 'object', properties: { key: KEY, existed: { type: 'boolean' } }, required: ['key', 'existed'], title: 'of a delete or touch' },
  ],
} as const;

/** The answer to a batch. */
export const BATCH_RECEIPT = {
  type: 'object',
  properties: {
    seq: SEQ, hash: HASH, durable: DURABLE,
    results: { type: 'array', items: RESULT, title: 'the result of each operation, in their order; absent in an answer that is repeated' },
  },
  required: ['seq'],
} as const;
