/**
 * Strict parsing of the raw query: repeated, empty, unknown and malformed parameters are refused, and API keys in it.
 */
import { looksGenerated } from '../auth/api-key.js';
import { AppError } from '../base/app-error.js';
import type { SchemaCheck } from '../base/json-schema.js';

/** A decoded parameter. */
export interface QueryEntry {
  readonly name: string;
  /** Null without `=`. */
  readonly value: string | null;
}

/** The decoded parameters of a request, by name. */
export type QueryParameters = Readonly<Record<string, string>>;

/** How the parameters of a route are checked. */
export interface QueryCheck {
  readonly check: SchemaCheck<QueryParameters>;
  /** Names of the parameters without a value. */
  readonly valueless: ReadonlySet<string>;
  /** Whether a query without parameters is refused. */
  readonly hasRequired: boolean;
}

/** Those of a query without any. One object, since most requests have none. */
export const NO_PARAMETERS: QueryParameters = Object.freeze({});

/** Names under which people put API keys into URLs. */
const KEY_NAMES: ReadonlySet<string> = new Set([
  'api_key', 'apikey', 'api-key', 'x-api-key', 'x_api_key', 'access_token', 'access-token', 'token', 'authorization', 'bearer',
]);
/** Characters of a parameter's name that an answer shows. */
const SHOWN_CHARACTERS_MAX = 40;

/**
 * Parses a query. `+` is a space.
 *
 * @param raw the text after `?`
 * @throws {AppError} `invalid_query` for a malformed, empty or repeated parameter; `key_in_url`
 */
export function parseQuery(raw: string): readonly QueryEntry[] {
  if (raw === '') return [];
  const entries = raw.split('&').map(parseEntry);
  for (const entry of entries) refuseKey(entry);
  const names = new Set<string>();
  for (const { name } of entries) {
    if (name === '') throw invalidQuery('a parameter has no name');
    if (names.has(name)) throw invalidQuery(`the parameter "${shown(name)}" is repeated`, name);
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
    'Cannot accept an API key in the URL: URLs end up in logs and histories. ' +
      'Send it as "Authorization: Bearer KEY", and replace this API key',
  );
}

/**
 * Checks parameters against a route's schema.
 *
 * @throws {AppError} `invalid_query` for an empty, unknown, missing or invalid one
 */
export function checkQuery(entries: readonly QueryEntry[], { check, valueless, hasRequired }: QueryCheck): QueryParameters {
  if (entries.length === 0 && !hasRequired) return NO_PARAMETERS;
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const { name, value } of entries) {
    if (valueless.has(name)) {
      // Clients that are made from the document of the API send an empty value.
      if (value !== null && value !== '') throw invalidQuery(`the parameter "${name}" takes no value`, name);
    } else if (value === null || value === '') {
      throw invalidQuery(`the parameter "${shown(name)}" is empty`, name);
    }
    parameters[name] = value ?? '';
  }
  const checked = check(parameters);
  if (checked.ok) return checked.document;
  const name = checked.fault.pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  if (checked.fault.kind === 'unknown') throw invalidQuery(`there is no parameter "${shown(name)}"`, name);
  if (checked.fault.kind === 'missing') throw invalidQuery(`the parameter "${shown(name)}" is missing`, name);
  throw invalidQuery(`the parameter "${shown(name)}" must be ${checked.fault.expected}`, name);
}

/**
 * Refuses every parameter, for routes without any.
 *
 * @throws {AppError} `invalid_query`
 */
export function refuseQuery(entries: readonly QueryEntry[]): void {
  const [entry] = entries;
  if (entry !== undefined) throw invalidQuery(`this route has no parameter "${shown(entry.name)}"`, entry.name);
}

function shown(name: string): string {
  return name.length > SHOWN_CHARACTERS_MAX ? `${name.slice(0, SHOWN_CHARACTERS_MAX)}…` : name;
}

/** The refusal of a query, or of one parameter. */
export function invalidQuery(reason: string, name?: string): AppError {
  const facts = name === undefined ? {} : { parameter: shown(name) };
  return new AppError('invalid_query', `Cannot use the query: ${reason}`, { facts });
}
