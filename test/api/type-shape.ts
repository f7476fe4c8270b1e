/** The shape of a JSON schema and that of a TypeScript type, in one form, so that they can be compared. */
import path from 'node:path';
import ts from 'typescript-5';
import type { JsonSchema } from '../../src/base/setting.js';
import { projectRoot } from '../tidy/source-tree.js';

/** The kinds of values that are allowed, sorted; an object by its members, of which optional ones end in `?`. */
export type Shape = readonly (string | { readonly [name: string]: Shape } | { readonly items: Shape })[];

type Members = Readonly<Record<string, JsonSchema>>;

/** The shape of a schema. Alternatives that are objects count as one: a member must be there if all of them demand it. */
export function shapeOfSchema(schema: JsonSchema): Shape {
  const alternatives = (schema['oneOf'] ?? schema['anyOf']) as readonly JsonSchema[] | undefined;
  if (alternatives !== undefined) return [mergedMembers(alternatives)];
  if ('const' in schema) return [JSON.stringify(schema['const'])];
  if (Array.isArray(schema['enum'])) return sorted(schema['enum'].map((one) => JSON.stringify(one)));
  return sorted([schema['type']].flat().map((type) => {
    if (type === 'array') return { items: shapeOfSchema(schema['items'] as JsonSchema) };
    if (type === 'object') return mergedMembers([schema]);
    return type === 'integer' ? 'number' : String(type ?? 'any');
  }));
}

function mergedMembers(schemas: readonly JsonSchema[]): { readonly [name: string]: Shape } {
  const lists = schemas.map((schema) => (
    { members: (schema['properties'] ?? {}) as Members, required: (schema['required'] ?? []) as readonly string[] }
  ));
  const names = [...new Set(lists.flatMap(({ members }) => Object.keys(members)))].sort();
  return Object.fromEntries(names.map((name) => {
    const shapes = lists.flatMap(({ members }) => (members[name] === undefined ? [] : shapeOfSchema(members[name])));
    return [lists.every(({ required }) => required.includes(name)) ? name : `${name}?`, sorted(withoutLiterals(shapes))];
  }));
}

/** A literal beside its whole kind adds nothing. */
function withoutLiterals(shapes: Shape): Shape {
  return shapes.filter((shape) => typeof shape !== 'string' || !shapes.includes(kindOfLiteral(shape)));
}

function kindOfLiteral(text: string): string {
  if (text.startsWith('"')) return 'string';
  if (text === 'true' || text === 'false') return 'boolean';
  return /^[-\d]/.test(text) ? 'number' : 'no literal';
}

function sorted(shapes: Shape): Shape {
  const unique = new Map(shapes.map((shape) => [JSON.stringify(shape), shape]));
  return [...unique].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, shape]) => shape);
}

/** Reads the types that a file of src exports. */
export class TypeShapes {
  readonly #checker: ts.TypeChecker;
  readonly #exports: ReadonlyMap<string, ts.Symbol>;
  readonly #file: ts.SourceFile;

  /** @param file from the top of the project */
  constructor(file: string) {
    const options: ts.CompilerOptions = {
      strict: true, exactOptionalPropertyTypes: true, module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, types: [],
    };
    const name = path.join(projectRoot(), file);
    const compiled = ts.createProgram([name], options);
    this.#checker = compiled.getTypeChecker();
    const source = compiled.getSourceFile(name);
    const symbol = source && this.#checker.getSymbolAtLocation(source);
    if (source === undefined || symbol === undefined) throw new Error(`There is no module ${file}`);
    this.#file = source;
    this.#exports = new Map(this.#checker.getExportsOfModule(symbol).map((one) => [one.name, one]));
  }

  /** The names that it exports. */
  get names(): readonly string[] {
    return [...this.#exports.keys()];
  }

  /** The shape of one of them. */
  of(name: string): Shape {
    const symbol = this.#exports.get(name);
    if (symbol === undefined) throw new Error(`There is no type ${name}`);
    return this.#shape(this.#checker.getDeclaredTypeOfSymbol(symbol));
  }

  #shape(type: ts.Type): Shape {
    const parts = (type.isUnion() ? type.types : [type]).filter((one) => (one.flags & ts.TypeFlags.Undefined) === 0);
    const kinds = parts.map((one) => this.#kind(one));
    const isBoolean = kinds.includes('true') && kinds.includes('false');
    return sorted(isBoolean ? [...kinds.filter((kind) => kind !== 'true' && kind !== 'false'), 'boolean'] : kinds);
  }

  #kind(type: ts.Type): Shape[number] {
    if (type.isStringLiteral() || type.isNumberLiteral()) return JSON.stringify(type.value);
    if ((type.flags & ts.TypeFlags.Object) === 0 && !type.isIntersection()) return this.#checker.typeToString(type);
    const [item] = this.#checker.isArrayType(type) ? this.#checker.getTypeArguments(type as ts.TypeReference) : [];
    if (item !== undefined) return { items: this.#shape(item) };
    const members = this.#checker.getPropertiesOfType(type).sort((one, other) => (one.name < other.name ? -1 : 1));
    return Object.fromEntries(members.map((member) => {
      const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
      return [isOptional ? `${member.name}?` : member.name, this.#shape(this.#checker.getTypeOfSymbolAtLocation(member, this.#file))];
    }));
  }
}
