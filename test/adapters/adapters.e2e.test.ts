/**
 * The adapters with the suites of the programs that they are for: Keyv, cache-manager and unstorage, against a server, and again while
 * every second request fails; and the stores for sessions of docs/client.md. What these need is large, so it has a lock of its own:
 * `npm test -- adapters` installs it, as CI does.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fencedBlocks, readDocument } from '../docs/documents.js';
import { runCommand, withWorkbench } from '../e2e/server-under-test.js';
import { packagesOf } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('adapters');

const HOME = path.join(projectRoot(), 'test/adapters');
const PACKAGES = path.join(projectRoot(), 'dist/adapters/node_modules');
const COMPILER = path.join(projectRoot(), 'node_modules/typescript/bin/tsc');
const CLIENT = pathToFileURL(path.join(projectRoot(), 'dist/client/')).href;
const TIMEOUT_MS = 240_000;

/** Runs a test with a folder in which the packages are installed. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-adapters-'));
  try {
    symlinkSync(PACKAGES, path.join(folder, 'node_modules'));
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a suite against a server. */
async function runSuite(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await withFolder(async (folder) => {
    const files = readdirSync(HOME).filter((file) => file.endsWith('.mjs'));
    for (const file of files) copyFileSync(path.join(HOME, file), path.join(folder, file));
    await withWorkbench(async (bench) => {
      bench.configure([{ id: 'p' }]);
      const server = await bench.start();
      const variables = {
        SIMPLEKV_SUITE_URL: server.url, SIMPLEKV_SUITE_KEY: server.key('p'), SIMPLEKV_SUITE_CLIENT: CLIENT, ...env,
      };
      const settings = Object.entries(variables).map(([variable, value]) => `${variable}=${value}`);
      const vitest = [path.join(PACKAGES, 'vitest/vitest.mjs'), 'run', '--root', folder, '--no-color', '--test-timeout', '60000'];
      writeFileSync(path.join(folder, 'vitest.config.mjs'), `export default { test: { include: ['${name}.suite.mjs'] } };\n`);
      const { code, output } = await runCommand('env', [...settings, process.execPath, ...vitest]);
      assert.equal(code, 0, output);
      console.log(output.split('\n').filter((line) => /^ *Tests /.test(line)).join('\n'));
    });
  });
}

const OPTIONS = { needs: [packagesOf('adapters')], timeoutMs: TIMEOUT_MS };

for (const name of ['keyv', 'unstorage']) {
  test(`the suite of ${name} passes`, () => runSuite(name), OPTIONS);
  const flaky = { SIMPLEKV_SUITE_FLAKY: 'yes' };
  test(`the suite of ${name} passes while every second request fails`, () => runSuite(name, flaky), OPTIONS);
}

/** The examples of docs/client.md, by their names: what they print, and what is put behind them first so that they print something. */
const EXAMPLES: Readonly<Record<string, { readonly printed: string; readonly added?: string }>> = {
  'keyv': { printed: '{ on: true }\n' },
  'unstorage': { printed: '{ name: \'plain\' } [ \'theme\' ]\n' },
  'koa-session': { added: 'sessions.mjs', printed: '1 2 3\n1 key that expires\n0 keys\n' },
  'express-session': { added: 'sessions.mjs', printed: '1 2 3\n1 key that expires\n0 keys\n' },
};

for (const [name, { printed, added }] of Object.entries(EXAMPLES)) {
  test(`the example of ${name} in docs/client.md works`, () => withFolder((folder) => withWorkbench(async (bench) => {
    bench.configure([{ id: 'first_project' }]);
    const server = await bench.start();
    const { text = '' } = fencedBlocks(readDocument('docs/client.md')).find((block) => block.name === name) ?? {};
    const filled = text.replace('http://127.0.0.1:23849', server.url).replace('skv_p_…', server.key('first_project'))
      .replace(/'simplekv\/client(?:\/(\w+))?'/, (_, module = 'index') => `'${CLIENT}${module}.js'`);
    const tail = added === undefined ? '' : readFileSync(path.join(HOME, 'tails', added), 'utf8').replace('NAME', name);
    writeFileSync(path.join(folder, 'example.mjs'), `${filled}\n${tail}`);
    const { output } = await runCommand(process.execPath, [path.join(folder, 'example.mjs')]);
    assert.equal(output, printed);
  })), OPTIONS);
}

test('the adapters have the types that Keyv and unstorage ask for', () => withFolder(async (folder) => {
  copyFileSync(path.join(HOME, 'usage.mts'), path.join(folder, 'usage.mts'));
  const typesOf = (name: string): readonly string[] => [path.join(projectRoot(), `dist/client/types/client/${name}.d.ts`)];
  const compilerOptions = {
    strict: true, exactOptionalPropertyTypes: true, noEmit: true, module: 'nodenext', target: 'es2023', lib: ['es2023'],
    // Those of Keyv and unstorage do not compile without.
    skipLibCheck: true, types: ['node'], typeRoots: [path.join(projectRoot(), 'node_modules/@types')],
    paths: { 'simplekv/client/keyv': typesOf('keyv'), 'simplekv/client/unstorage': typesOf('unstorage') },
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['usage.mts'] }));
  const { output } = await runCommand(process.execPath, [COMPILER, '-p', folder]);
  assert.equal(output, '');
}), OPTIONS);

test.run();
