import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { declaredSchemas } from '../../src/base/json-schema.js';
import { compileValidator } from '../../src/base/schema-compiler.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';

const test = suite('schema-compiler');

const COMPILED = path.join(path.dirname(MAIN), '../src');

/** Loads every module that declares a schema. */
async function declareAll(): Promise<void> {
  const files = readdirSync(COMPILED, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
  for (const file of files.map((name) => path.join(COMPILED, name))) {
    if (readFileSync(file, 'utf8').includes('compileSchema')) await import(pathToFileURL(file).href);
  }
}

test('the bundle has the validator of every schema that the program declares, and no compiler', async () => {
  await declareAll();
  const folder = path.dirname(MAIN);
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const text = files.map((file) => readFileSync(path.join(folder, file), 'utf8')).join('');
  assert.ok(declaredSchemas.length > 10);
  for (const schema of declaredSchemas) assert.ok(text.includes(hash('sha256', JSON.stringify(schema))), JSON.stringify(schema));
  assert.doesNotMatch(text, /\bclass Ajv\b/);
});

test('a schema with a mistake is refused', () => {
  assert.throws(() => compileValidator({ type: 'object', propertys: {} }), /unknown keyword/);
});

test.run();
