/**
 * Compiles JSON schemas. The only user of Ajv. The bundle has another module in the place of this one, with the validators of all declared
 * schemas: compiling them, and loading Ajv, would take a fifth of the time of a start (`scripts/precompile-schemas.mjs`).
 */
import { Ajv, type Options, type Schema, type ValidateFunction } from 'ajv';

/** `strict` turns a mistake in a schema into an error at its first use. Nothing in a document is coerced, removed or filled in. */
export const AJV_OPTIONS: Options = {
  strict: true, allErrors: false, verbose: true, coerceTypes: false, useDefaults: false, allowUnionTypes: true,
  // Validating a schema against the meta-schema finds nothing that `strict` does not. Together with code optimisation it would double
  // the compile time.
  meta: false, validateSchema: false, code: { optimize: false },
};

const ajv = new Ajv(AJV_OPTIONS);

/** Returns the validator of a schema. */
export function compileValidator(schema: Schema): ValidateFunction {
  return ajv.compile(schema);
}
