/**
 * The query, parsed strictly from its raw text: nothing is repeated, empty, unknown or half decoded, and no API key is in it.
 */
import { looksGenerated } from '../auth/api-key.js';
import { AppError } from '../base/app-error.js';
import type { SchemaCheck } from '../base/json-schema.js';

/** One parameter. */
export interface QueryEntry {
  readonly name: string;
  /** Null where there was no `=`. */
  readonly value: string | null;
}

/** Names under which people put keys into URLs. */
const KEY_NAMES: ReadonlySet<string> = new Set([
  'api_key', 'apikey', 'api-key', 'x-api-key', 'x_api_key', 'access_token', 'access-token', 'token', 'authorization', 'bearer',
]);
/** How much of a parameter's name is shown in an answer, in characters. */
const SHOWN_CHARACTERS_MAX = 40;

/**
 * Parses a query. `+` is a space.
 *
 * @param raw what stands after `?`, without it
 * @returns the parameters in their order; none for an empty text
 * @throws {AppError} `invalid_query` for a malformed, empty or repeated parameter; `key_in_url`
 */
export function parseQuery(raw: string): readonly QueryEntry[] {
  if (raw === '') return [];
  const entries = raw.split('&').map(parseEntry);
  for (const entry of entries) refuseKey(entry);
  const names = new Set<string>();
  for (const { name } of entries) {
    if (name === '') throw invalidQuery('a parameter has no name');
    if (names.has(name)) throw invalidQuery(`the parameter "${shown(name)}" is there twice`, name);
    names.add(name);
  }
  return entries;
}

function parseEntry(text: string): QueryEntry {
  const sign = text.indexOf('=');
  if (sign === -1) return { name: decode(text), value: null };
  return { name: decode(text.slice(0, sign)), value: decode(text.slice(sign + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidQuery('a percent-encoding is malformed or is not UTF-8');
  }
}

function refuseKey({ name, value }: QueryEntry): void {
  const holdsKey = KEY_NAMES.has(name.toLowerCase()) || `${name} ${value ?? ''}`.split(' ').some(looksGenerated);
  if (!holdsKey) return;
  throw new AppError(
    'key_in_url',
    'Cannot take a key from the URL: URLs end up in logs and histories. ' +
      'Send it as "Authorization: Bearer KEY" and replace the key that was sent',
  );
}

/**
 * Checks parameters against a route's schema.
 *
 * @param entries what {@link parseQuery} gave
 * @throws {AppError} `invalid_query` for an empty, unknown or wrong one
 */
export function checkQuery<T>(entries: readonly QueryEntry[], check: SchemaCheck<T>): T {
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const { name, value } of entries) {
    if (value === null || value === '') throw invalidQuery(`the parameter "${shown(name)}" is empty`, name);
    parameters[name] = value;
  }
  const checked = check(parameters);
  if (checked.ok) return checked.document;
  const name = checked.fault.pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  if (checked.fault.kind === 'unknown') throw invalidQuery(`there is no parameter "${shown(name)}"`, name);
  throw invalidQuery(`the parameter "${shown(name)}" must be ${checked.fault.expected}`, name);
}

/**
 * Refuses every parameter, for routes that have none.
 *
 * @param entries what {@link parseQuery} gave
 * @throws {AppError} `invalid_query` when there is any
 */
export function refuseQuery(entries: readonly QueryEntry[]): void {
  const [entry] = entries;
  if (entry !== undefined) throw invalidQuery(`there is no parameter "${shown(entry.name)}" here`, entry.name);
}

function shown(name: string): string {
  return name.length > SHOWN_CHARACTERS_MAX ? `${name.slice(0, SHOWN_CHARACTERS_MAX)}…` : name;
}

function invalidQuery(reason: string, name?: string): AppError {
  const facts = name === undefined ? {} : { parameter: shown(name) };
  return new AppError('invalid_query', `Cannot use the query: ${reason}`, { facts });
}
