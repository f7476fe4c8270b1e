import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileValidator } from '../../src/base/schema-compiler.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('schema-compiler');

interface Precompiling {
  schemaTexts(sources: string): Promise<string[]>;
}

const { schemaTexts } = await import(pathToFileURL(path.join(projectRoot(), 'scripts/precompile-schemas.mjs')).href) as Precompiling;

test('the bundle has the validator of every schema that the program declares, and no compiler', async () => {
  const folder = path.dirname(MAIN);
  const schemas = await schemaTexts(path.join(folder, '../src'));
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const text = files.map((file) => readFileSync(path.join(folder, file), 'utf8')).join('');
  assert.ok(schemas.length > 10);
  for (const schema of schemas) assert.ok(text.includes(hash('sha256', schema)), schema);
  assert.doesNotMatch(text, /\bclass Ajv\b/);
});

test('a schema with a mistake is refused', () => {
  assert.throws(() => compileValidator({ type: 'object', propertys: {} }), /unknown keyword/);
});

test.run();
