/**
 * Schemas of differences between two states of a project, and of undoing them.
 */
import { READ_KEYS_MAX } from './read.js';
import { DURABLE, EXPIRY, HASH, KEY, SEQ, TIME_PATTERN, VALUE } from './keys.js';

const VERSION = {
  type: ['object', 'null'],
  properties: {
    seq: { ...SEQ, minimum: 1 }, modified_at: { type: 'string', pattern: TIME_PATTERN, title: 'when the version was written' },
    expires_at: EXPIRY, value: VALUE,
  },
  required: ['seq', 'modified_at', 'expires_at'],
  additionalProperties: false,
} as const;

const TEXT_OR_NULL = { type: ['string', 'null'] } as const;

const DIFFERENCE = {
  type: 'object',
  properties: {
    key: KEY,
    change: { enum: ['added', 'changed', 'removed'], title: 'what the key went through' },
    seq: { type: ['integer', 'null'], title: 'the line of its last change; null: it expired, and no line up to there says so' },
    time: { ...TEXT_OR_NULL, title: 'of that line, or when it expired' },
    op: { ...TEXT_OR_NULL, title: 'the operation of that line, or expire; null: not known any more' },
    actor: { ...TEXT_OR_NULL, title: 'who made the change' },
    request: { ...TEXT_OR_NULL, title: 'the X-Request-Id of the change' },
    before: { ...VERSION, title: 'the version in the state that is compared; null: the key was not there' },
    after: { ...VERSION, title: 'the version in the other state; null: the key is not there' },
  },
  required: ['key', 'change', 'seq', 'time', 'op', 'actor', 'request', 'before', 'after'],
} as const;

/** A page of differences. */
export const DIFF_PAGE = {
  type: 'object',
  properties: {
    from: { ...SEQ, title: 'the last line of the state that is compared' },
    to: { ...SEQ, title: 'the last line of the other state' },
    changes: { type: 'array', items: DIFFERENCE, title: 'in the order of their keys' },
  },
  required: ['from', 'to', 'changes'],
} as const;

/** Differences one a line. */
export const DIFF_LINES = { type: 'string', title: 'lines of JSON, each a change as in the array' } as const;

const MOMENT_IN_BODY = {
  type: ['integer', 'string'], title: 'a seq, or a time of RFC 3339',
} as const;

/** The body of a revert. */
export const REVERT_REQUEST = {
  type: 'object',
  properties: {
    to: { ...MOMENT_IN_BODY, title: 'the keys get the values of this moment: a seq, or a time of RFC 3339' },
    prefix: { type: 'string', title: 'only keys that start with it' },
    keys: { type: 'array', items: KEY, minItems: 1, maxItems: READ_KEYS_MAX, title: 'only these keys; not beside prefix' },
    if_seq: { ...SEQ, title: 'only if no affected key has changed since this line; without it, since the request' },
    dry_run: { type: 'boolean', default: false, title: 'true: changes nothing and answers what would be changed' },
  },
  required: ['to'],
  additionalProperties: false,
} as const;

const REVERTED = { type: 'integer', minimum: 0, title: 'number of keys that were changed, or with dry_run would be' } as const;
const TO = { ...SEQ, title: 'the last line of the state whose values the keys got' } as const;

/** The answer to a revert. */
export const REVERT_ANSWER = {
  anyOf: [
    {
      type: 'object', title: 'a receipt; without hash if there was nothing to change, and without to if it is repeated',
      properties: { to: TO, reverted: REVERTED, seq: SEQ, hash: HASH, durable: DURABLE },
      required: ['reverted', 'seq'],
      additionalProperties: false,
    },
    {
      type: 'object', title: 'with dry_run: the state from which, and what would be changed',
      properties: {
        to: TO, seq: SEQ, dry_run: { const: true }, reverted: REVERTED,
        changes: { type: 'array', items: DIFFERENCE, title: 'in the order of their keys; before is now' },
      },
      required: ['to', 'seq', 'dry_run', 'reverted', 'changes'],
      additionalProperties: false,
    },
  ],
} as const;
