/**
 * Writes the module that stands in the bundle for `src/base/schema-compiler.ts`: the validator of every schema that the program declares,
 * as code, by the digest of the schema.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import standaloneCode from 'ajv/dist/standalone/index.js';

const COMPILER_FILE = 'base/schema-compiler.js';

/**
 * Replaces the compiler of schemas in a bundle.
 *
 * @param {string} sources The folder of the compiled program
 * @returns {{ name: string, load(id: string): Promise<string | undefined> }} The plug-in for the bundler
 */
export function precompiledSchemas(sources) {
  const compiler = path.join(sources, COMPILER_FILE);
  return { name: 'precompiled-schemas', load: async (id) => (id === compiler ? await moduleOf(sources) : undefined) };
}

/**
 * Loads every module that declares a schema.
 *
 * @param {string} sources The folder of the compiled program
 * @returns {Promise<string[]>} The schemas as JSON, each once
 */
export async function schemaTexts(sources) {
  const files = readdirSync(sources, { recursive: true }).filter((file) => file.endsWith('.js'));
  for (const file of files) if (readFileSync(path.join(sources, file), 'utf8').includes('compileSchema')) await load(sources, file);
  const { declaredSchemas } = await load(sources, 'base/json-schema.js');
  return [...new Set(declaredSchemas.map((schema) => JSON.stringify(schema)))];
}

async function load(sources, file) {
  return await import(pathToFileURL(path.join(sources, file)).href);
}

async function moduleOf(sources) {
  const texts = await schemaTexts(sources);
  const { AJV_OPTIONS } = await load(sources, COMPILER_FILE);
  const ajv = new Ajv({ ...AJV_OPTIONS, code: { ...AJV_OPTIONS.code, source: true, esm: true } });
  const names = texts.map((_, index) => `check${index}`);
  texts.forEach((text, index) => ajv.addSchema(JSON.parse(text), names[index]));
  const code = standaloneCode(ajv, Object.fromEntries(names.map((name) => [name, name])));
  const entries = texts.map((text, index) => `['${hash('sha256', text)}', ${names[index]}]`);
  return `import { hash } from 'node:crypto';
${code}
const validators = new Map([${entries.join(', ')}]);
export function compileValidator(schema) {
  const validator = validators.get(hash('sha256', JSON.stringify(schema)));
  if (validator === undefined) throw new TypeError('The bundle has no validator of this schema');
  return validator;
}
`;
}
