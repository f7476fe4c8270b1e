/**
 * Runs the examples of docs/client.md as one program, in the order in which they are read, against a server and with the client as it is
 * shipped. Each must print what the document shows below it.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript-5';
import { SimpleKv, SimpleKvAdmin } from '../../src/client/index.js';
import { runCommand, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { assertNone, projectRoot } from '../tidy/source-tree.js';
import { examplePattern, type FencedBlock, fencedBlocks, readDocument, section } from './documents.js';

const test = suite('client-doc');
const document = readDocument('docs/client.md');
const CLIENT = pathToFileURL(path.join(projectRoot(), 'dist/client/index.js')).href;
const END = '-- end of example --';

function textOf(block: FencedBlock | undefined): string {
  return block?.language === 'text' ? block.text : '';
}

/** The examples in their order, each with what it prints. */
const examples = fencedBlocks(document).flatMap(({ language, name, text }, index, blocks) => (
  // Those with a name need packages of their own: `test/adapters` runs them.
  language === 'ts' && name === '' ? [{ code: text, shown: textOf(blocks[index + 1]) }] : []
));

test('every example works as it is written, and prints what the document shows', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'first_project' }]);
  const server = await bench.start();
  const facts = [
    ['http://127.0.0.1:23849', server.url], ['skv_g_…', server.key('global')], ['skv_p_…', server.key('first_project')],
    ['\'simplekv/client\'', `'${CLIENT}'`],
  ] as const;
  const written = examples.map(({ code }) => `${code}\nconsole.log('${END}');\n`).join('');
  const filled = facts.reduce((text, [from, to]) => text.replaceAll(from, to), written);
  const { outputText } = ts.transpileModule(filled, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  writeFileSync(bench.path('examples.mjs'), outputText);
  const { code, output } = await runCommand(process.execPath, [bench.path('examples.mjs')]);
  assert.equal(code, 0, output);
  const printed = output.split(`${END}\n`);
  assert.equal(printed.pop(), '');
  assert.equal(printed.length, examples.length);
  for (const [index, { code: example, shown }] of examples.entries()) {
    const actual = printed[index] ?? '';
    assert.ok(actual === shown || examplePattern(shown).test(actual), `${actual}\nafter\n${example}`);
  }
}));

test('the page names every method, and no other', () => {
  const methodsOf = (prototype: object): string[] => Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  const admin = new SimpleKvAdmin({ url: 'http://127.0.0.1:1' });
  const kv = [...methodsOf(SimpleKv.prototype), ...methodsOf(Object.getPrototypeOf(SimpleKv.prototype) as object)];
  assertNone(kv.filter((name) => !new RegExp(`\`${name}\\(|kv\\.${name}\\b|\`${name}\``).test(document)));
  const administration = section(document, 'Administration');
  const named = (title: string): string[] => {
    const item = administration.split(/^- /m).find((text) => text.startsWith(`\`${title}\``)) ?? '';
    return [...item.matchAll(/`(\w+)\(/g)].map(([, name = '']) => name).sort();
  };
  assert.deepEqual(named('projects'), methodsOf(Object.getPrototypeOf(admin.projects) as object).sort());
  assert.deepEqual(named('apiKeys'), methodsOf(Object.getPrototypeOf(admin.apiKeys) as object).sort());
});

test.run();
