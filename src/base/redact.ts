/**
 * Takes API keys out of what is about to be logged, wherever in it they stand. Knows the names under which they travel,
 * and no logger. (Paths with wildcards, as loggers offer them, end at a fixed depth and cost ten times as much a line.)
 */

/** Stands where a API key stood. */
export const REDACTED = '[redacted]';

/** Names of fields and headers that carry a API key or its hash, in lower case. */
const SECRET_NAMES: ReadonlySet<string> = new Set(['api_key', 'apikey', 'api_key_hash', 'authorization', 'x-api-key']);

/** Levels of nesting that are logged; what lies deeper is left out, so that a cycle cannot stop the server. */
const DEPTH_MAX = 8;
const LEFT_OUT = '[left out]';

/**
 * Copies fields without the API keys in them. An error under `err` is left to the serializer of errors.
 *
 * @param fields what is to be logged; stays as it is
 * @returns a copy with {@link REDACTED} in the place of every key and hash that is there
 */
export function redactFields(fields: object): Record<string, unknown> {
  return redactMembers(fields, 1);
}

function redactMembers(members: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(members)) {
    const isSecret = value !== null && value !== undefined && SECRET_NAMES.has(name.toLowerCase());
    copy[name] = isSecret ? REDACTED : name === 'err' && value instanceof Error ? value : redactValue(value, depth);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  // What makes its own JSON (a date, a buffer) has no members of its own to look at.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (depth === DEPTH_MAX) return LEFT_OUT;
  return Array.isArray(value) ? value.map((item) => redactValue(item, depth + 1)) : redactMembers(value, depth + 1);
}
