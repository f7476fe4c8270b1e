/**
 * Checks of documents against JSON schemas, and the wording of violations. Each room keeps its schemas beside what they describe.
 */
import type { ErrorObject, Schema, ValidateFunction } from 'ajv';
import { compileValidator } from './schema-compiler.js';

/** The first violation of a schema. */
export interface SchemaFault {
  /** JSON pointer (RFC 6901), `""` for the whole document. */
  readonly pointer: string;
  /** The expectation, as a phrase. */
  readonly expected: string;
  /** The value as shortened JSON; absent for a missing or an unknown field. */
  readonly found?: string;
  /** Set for a missing or an unknown field; absent for a wrong value. */
  readonly kind?: 'missing' | 'unknown';
}

/** Checks a document against one schema. */
export interface SchemaCheck<T> {
  /** Returns the same document with its type, or the first violation. */
  (document: unknown): { readonly ok: true; readonly document: T } | { readonly ok: false; readonly fault: SchemaFault };
}

/** Characters of a wrong value that are shown. */
const FOUND_CHARACTERS_MAX = 60;

/** Every schema that was declared, for the bundle: it contains their validators instead of Ajv. */
export const declaredSchemas: Schema[] = [];

function describe(error: ErrorObject): SchemaFault {
  const params: Record<string, unknown> = error.params;
  if (error.keyword === 'additionalProperties') {
    const pointer = `${error.instancePath}/${escapePointer(String(params['additionalProperty']))}`;
    return { pointer, expected: 'no such field', kind: 'unknown' };
  }
  if (error.keyword === 'required') {
    const pointer = `${error.instancePath}/${escapePointer(String(params['missingProperty']))}`;
    return { pointer, expected: 'this field to be present', kind: 'missing' };
  }
  return { pointer: error.instancePath, expected: expectation(error, params), found: shortJson(error.data) };
}

function shortJson(data: unknown): string {
  const text = toJson(data);
  return text.length > FOUND_CHARACTERS_MAX ? `${text.slice(0, FOUND_CHARACTERS_MAX)}…` : text;
}

function toJson(data: unknown): string {
  try {
    return JSON.stringify(data) ?? 'nothing';
  } catch {
    // Printing recurses where parsing does not: a document of brackets alone must not become an internal error.
    return 'a value nested too deep to show';
  }
}

function expectation(error: ErrorObject, params: Record<string, unknown>): string {
  const description: unknown = error.parentSchema?.['description'];
  if (typeof description === 'string') return description;
  if (error.keyword === 'enum') return `one of ${JSON.stringify(params['allowedValues'])}`;
  if (error.keyword === 'const') return JSON.stringify(params['allowedValue']);
  return (error.message ?? 'something else').replace(/^must (?:be )?/, '').replace(/^NOT /, 'not to ');
}

/** Escapes one member name for a JSON pointer (RFC 6901, section 3). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Compiles a schema at its first use, so that a command or a thread does not pay at startup for checks that it never makes.
 *
 * @param schema a JSON schema (draft 7); its `description`, where present, is the wording of the expectation
 */
export function compileSchema<T>(schema: Schema): SchemaCheck<T> {
  declaredSchemas.push(schema);
  let compiled: ValidateFunction | undefined;
  return (document) => {
    const validate = (compiled ??= compileValidator(schema));
    if (validate(document)) return { ok: true, document: document as T };
    const [error] = validate.errors ?? [];
    return { ok: false, fault: error === undefined ? { pointer: '', expected: 'a valid document' } : describe(error) };
  };
}
