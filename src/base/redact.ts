/**
 * Redacts API keys in the fields of a log entry, at any depth, by the names of the fields. (The wildcard paths of loggers end at a
 * fixed depth and cost ten times as much per line.)
 */

/** Replaces an API key. */
export const REDACTED = '[redacted]';

/** Names of fields and headers that hold an API key or its hash, in lower case. */
const SECRET_NAMES: ReadonlySet<string> = new Set(['api_key', 'apikey', 'api_key_hash', 'authorization', 'x-api-key']);

/** Nesting levels that are logged. Deeper values are omitted, so that a cycle cannot hang the server. */
const DEPTH_MAX = 8;
const LEFT_OUT = '[left out]';

/** Copies fields with {@link REDACTED} in place of API keys and hashes. An error under `err` is left to the error serializer. */
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
  // An object with its own JSON form (a date, a buffer) has no members to check.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (depth === DEPTH_MAX) return LEFT_OUT;
  return Array.isArray(value) ? value.map((item) => redactValue(item, depth + 1)) : redactMembers(value, depth + 1);
}
