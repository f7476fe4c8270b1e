/**
 * The schema of a problem document (RFC 9457).
 */

const MEMBERS = {
  type: { type: 'string', pattern: '^urn:simplekv:problem:[a-z0-9_]+$' },
  title: { type: 'string' },
  status: { type: 'integer' },
  detail: { type: 'string', title: 'what went wrong, for a person' },
  code: { type: 'string', title: 'what to match on; its meaning never changes' },
  request_id: { type: 'string', title: 'the X-Request-Id of the answer' },
} as const;

/** What every problem has. */
export const PROBLEM = { type: 'object', properties: MEMBERS, required: Object.keys(MEMBERS) } as const;
