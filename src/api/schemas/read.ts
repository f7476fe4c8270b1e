/**
 * Schemas of a read of many keys.
 */
import { EXPIRY, KEY, SEQ, VALUE } from './keys.js';

/** Longest body, in bytes. */
export const READ_BODY_BYTES_MAX = 4_194_304;
/** Most keys of a read. */
export const READ_KEYS_MAX = 1000;

/** The body of a read. */
export const READ_REQUEST = {
  type: 'object',
  properties: {
    keys: { type: 'array', items: KEY, minItems: 1, maxItems: READ_KEYS_MAX, title: 'in the order of the answer; a key may be repeated' },
    values: { type: 'boolean', default: true, title: 'false: versions without values' },
  },
  required: ['keys'],
  additionalProperties: false,
} as const;

/** The answer to a read. */
export const READ_ANSWER = {
  type: 'object',
  properties: {
    seq: { ...SEQ, title: 'the last change before the moment of which all entries are' },
    entries: {
      type: 'array',
      title: 'an entry for each key, in the order of the request',
      items: {
        oneOf: [
          {
            type: 'object', title: 'a key that exists, with its value unless values was false',
            properties: {
              key: KEY, seq: { ...SEQ, minimum: 1 }, etag: { type: 'string', title: 'the ETag of the key' }, expires_at: EXPIRY,
              value: VALUE,
            },
            required: ['key', 'seq', 'etag', 'expires_at'],
          },
          {
            type: 'object', title: 'a key that does not exist',
            properties: { key: KEY, seq: { const: 0 } },
            required: ['key', 'seq'],
            additionalProperties: false,
          },
        ],
      },
    },
  },
  required: ['seq', 'entries'],
} as const;
