/**
 * The one Ajv of the program and the wording of what it finds. Knows no schema; rooms keep theirs beside what it describes.
 */
import { Ajv, type ErrorObject, type Schema, type ValidateFunction } from 'ajv';

/** One thing that is wrong with a document. */
export interface SchemaFault {
  /** JSON pointer (RFC 6901) to the place, `""` for the whole document. */
  readonly pointer: string;
  /** What was expected there, as a phrase. */
  readonly expected: string;
  /** The value found there as short JSON; absent where the fault is a missing or an unknown field. */
  readonly found?: string;
  /** Whether the fault is that a field is not there, or that there is none of that name; absent for a wrong value. */
  readonly kind?: 'missing' | 'unknown';
}

/** Checks a document against one schema. */
export interface SchemaCheck<T> {
  /** @returns the same document with its type known, or the first fault */
  (document: unknown): { readonly ok: true; readonly document: T } | { readonly ok: false; readonly fault: SchemaFault };
}

/** How many characters of a faulty value are shown. */
const FOUND_CHARACTERS_MAX = 60;

// `strict` makes a mistake in a schema an error at its first use; nothing is coerced, removed or filled in behind the caller's back.
const ajv = new Ajv({
  strict: true, allErrors: false, verbose: true, coerceTypes: false, useDefaults: false, allowUnionTypes: true,
  // Checking a schema against the schema of schemas finds nothing that `strict` does not, and with a pass that shortens the code of a
  // check it takes as long as all the rest of compiling.
  meta: false, validateSchema: false, code: { optimize: false },
});

function describe(error: ErrorObject): SchemaFault {
  const params: Record<string, unknown> = error.params;
  if (error.keyword === 'additionalProperties') {
    const pointer = `${error.instancePath}/${escapePointer(String(params['additionalProperty']))}`;
    return { pointer, expected: 'no such field', kind: 'unknown' };
  }
  if (error.keyword === 'required') {
    const pointer = `${error.instancePath}/${escapePointer(String(params['missingProperty']))}`;
    return { pointer, expected: 'this field to be there', kind: 'missing' };
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
    // Printing recurses where parsing does not: a document of brackets alone must not become a failure of the server.
    return 'something nested too deep to be shown';
  }
}

function expectation(error: ErrorObject, params: Record<string, unknown>): string {
  const description: unknown = error.parentSchema?.['description'];
  if (typeof description === 'string') return description;
  if (error.keyword === 'enum') return `one of ${JSON.stringify(params['allowedValues'])}`;
  if (error.keyword === 'const') return JSON.stringify(params['allowedValue']);
  return (error.message ?? 'something else').replace(/^must (?:be )?/, '').replace(/^NOT /, 'not to ');
}

/**
 * Escapes one member name for a JSON pointer.
 *
 * @returns the name with `~` and `/` escaped as RFC 6901 section 3 says
 */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Compiles a schema once, when it is first used: a command or a thread would pay at its start for all that it never asks.
 *
 * @param schema a JSON schema (draft 7); a `description` beside a keyword is the wording of what was expected
 */
export function compileSchema<T>(schema: Schema): SchemaCheck<T> {
  let compiled: ValidateFunction<T> | undefined;
  return (document) => {
    const validate = (compiled ??= ajv.compile<T>(schema));
    if (validate(document)) return { ok: true, document };
    const [error] = validate.errors ?? [];
    return { ok: false, fault: error === undefined ? { pointer: '', expected: 'a valid document' } : describe(error) };
  };
}
