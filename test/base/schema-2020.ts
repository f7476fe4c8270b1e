/** JSON schemas of the dialect 2020-12, which the document of the API uses. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonSchema } from '../../src/base/setting.js';

/** Where the named schemas of a document are. */
const NAMED = '#/components/schemas/';

/** Schemas that may refer to named ones. */
export class Schemas2020 {
  readonly #ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, strictTypes: false, strictRequired: false });
  readonly #compiled = new Map<JsonSchema, ReturnType<Ajv2020['compile']>>();

  /** @param named by name */
  constructor(named: Readonly<Record<string, JsonSchema>>) {
    for (const [name, schema] of Object.entries(named)) this.#ajv.addSchema(withAbsoluteReferences(schema), idOf(name));
  }

  /**
   * Checks a value.
   *
   * @returns What is wrong with it; empty if it fits
   */
  faults(schema: JsonSchema, value: unknown): readonly string[] {
    const check = this.#compiled.get(schema) ?? this.#ajv.compile(withAbsoluteReferences(schema));
    this.#compiled.set(schema, check);
    if (check(value)) return [];
    return (check.errors ?? []).map(({ instancePath, message, params }) => `"${instancePath}" ${message} ${JSON.stringify(params)}`);
  }
}

function idOf(name: string): string {
  return `urn:simplekv:schema:${name}`;
}

function withAbsoluteReferences(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll(`"${NAMED}`, `"${idOf('')}`)) as JsonSchema;
}
