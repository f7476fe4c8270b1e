/**
 * How schemas and headers are shown in the document of the API: those with a name by reference.
 */
import type { JsonSchema } from '../base/setting.js';
import type { OpenApiReference } from './openapi.js';
import { COMPONENT_SCHEMAS } from './schemas/components.js';
import { type HeaderName, ANY_ANSWER_HEADERS } from './schemas/headers.js';

/** The names of the schemas, by the very objects. */
const SCHEMA_NAMES: ReadonlyMap<object, string> = new Map(
  Object.entries(COMPONENT_SCHEMAS).map(([name, schema]) => [schema, name]),
);

/**
 * Returns a schema with a reference in place of every named one inside it, and of itself.
 *
 * @param isDefinition true where the named schema itself is to be shown. @default false
 */
export function shownSchema(schema: JsonSchema, isDefinition = false): JsonSchema {
  return shown(schema, isDefinition) as JsonSchema;
}

function shown(part: unknown, isDefinition: boolean): unknown {
  if (Array.isArray(part)) return part.map((item) => shown(item, false));
  if (typeof part !== 'object' || part === null) return part;
  const name = isDefinition ? undefined : SCHEMA_NAMES.get(part);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, shown(value, false)]));
}

/** Returns the headers of an answer; every answer names its request, and may be for a web page or for an API key that ends. */
export function headersShown(headers: readonly HeaderName[] = [], optional: readonly HeaderName[] = []): Record<string, OpenApiReference> {
  const required = [...headers, 'X-Request-Id' as const];
  const others = [...optional, ...ANY_ANSWER_HEADERS].filter((name) => !required.some((one) => one === name));
  return Object.fromEntries([
    ...required.map((name) => [name, { $ref: `#/components/headers/${name}` }] as const),
    ...others.map((name) => [name, { $ref: `#/components/headers/${name}-optional` }] as const),
  ]);
}
