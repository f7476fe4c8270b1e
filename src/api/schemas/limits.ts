/**
 * The schema of what a project and its requests are limited to.
 */
import type { JsonSchema } from '../../base/setting.js';

const LIMIT = { type: 'integer', minimum: 0 } as const;
const QUOTA = { type: ['integer', 'null'], minimum: 0, title: 'null: no limit' } as const;

function objectOf<Name extends string>(properties: Readonly<Record<Name, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

const USED_QUOTA = objectOf({ limit: QUOTA, used: LIMIT });
const RATE = objectOf({ limit: QUOTA });

/** The limits of requests, the quotas with what is used of them, and the rates. */
export const LIMITS = objectOf({
  limits: objectOf({
    value_bytes: { ...LIMIT, title: 'size of a value' },
    key_bytes: { ...LIMIT, title: 'size of a key in UTF-8' },
    line_bytes: { ...LIMIT, title: 'size of a line of the log, which has all of a batch' },
    page_keys: { ...LIMIT, title: 'keys on a page of a listing' },
    batch_ops: { ...LIMIT, title: 'operations in a batch' },
    batch_bytes: { ...LIMIT, title: 'size of the body of a batch' },
    read_keys: { ...LIMIT, title: 'keys that are read at once' },
    idempotency: objectOf({
      seconds: { ...LIMIT, title: 'how long a request with an Idempotency-Key is remembered' },
      entries: { ...LIMIT, title: 'how many of them are, the newest of the project' },
    }),
  }),
  quota: objectOf({ max_keys: USED_QUOTA, max_bytes: USED_QUOTA }),
  rate: objectOf({ reads_per_second: RATE, writes_per_second: RATE }),
});
