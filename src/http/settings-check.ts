/**
 * The check of settings and other documents against the schema of a route, and the wording of its refusals.
 */
import type { RouteSpec } from '../api/route-spec.js';
import { AppError } from '../base/app-error.js';
import type { SchemaCheck, SchemaFault } from '../base/json-schema.js';

/** Characters of a JSON pointer that an answer shows: its names are the client's. */
const POINTER_CHARACTERS_MAX = 100;
/** Members with which a client may try to set an API key. */
const KEY_MEMBERS: ReadonlySet<string> = new Set(['api_key', 'api_key_hash', 'key', 'apiKey', 'key_id', 'key_hash']);

/**
 * Checks the body of a route against its schema.
 *
 * @throws {AppError} `invalid_settings`, `invalid_project_id`; `invalid_body` when the route does not take settings
 */
export function checkDocument<T>(document: unknown, spec: RouteSpec, check: SchemaCheck<T>): T {
  const checked = check(document);
  if (checked.ok) return checked.document;
  throw invalidDocument(spec, checked.fault);
}

/** Tells whether a route takes settings: a body that says how it is refused is another document. */
export function takesSettings(spec: RouteSpec | null): boolean {
  return spec?.body.kind === 'json' && spec.body.refusal === undefined;
}

/** The refusal of the body of a route that violates its schema. */
export function invalidDocument(spec: RouteSpec | null, fault: SchemaFault): AppError {
  return takesSettings(spec) ? invalidSettings(fault) : invalidBody(fault);
}

function invalidBody(fault: SchemaFault): AppError {
  const facts = { pointer: fault.pointer.slice(0, POINTER_CHARACTERS_MAX), expected: fault.expected };
  const verdict = fault.kind === 'unknown' ? 'is not a member' : verdictOn(fault);
  return new AppError('invalid_body', `Cannot use the body: "${facts.pointer}" ${verdict}`, { facts });
}

/** The refusal of settings that violate the schema. The value is not quoted: it might be an API key. */
export function invalidSettings(fault: SchemaFault): AppError {
  const pointer = fault.pointer.slice(0, POINTER_CHARACTERS_MAX);
  const facts = { pointer, expected: fault.expected };
  if (KEY_MEMBERS.has(pointer.slice(pointer.lastIndexOf('/') + 1))) {
    const message = `Cannot set "${pointer}": the server generates API keys; POST …/api-key/regenerate creates a new one`;
    return new AppError('invalid_settings', message, { facts });
  }
  // Without a value, the id is missing in a creation or not allowed in an update.
  if (fault.pointer === '/id' && fault.found !== undefined) {
    return new AppError('invalid_project_id', `Cannot create the project: "/id" must be ${fault.expected}`, { facts });
  }
  return new AppError('invalid_settings', `Cannot use the settings: "${pointer}" ${verdictOn(fault)}`, { facts });
}

function verdictOn({ kind, expected }: SchemaFault): string {
  if (kind === 'missing') return 'is missing';
  return kind === 'unknown' ? 'is not a setting' : `must be ${expected}`;
}
