/**
 * What is shipped is enough: both packages are packed and unpacked into an empty folder, where a program imports the client and is compiled
 * against its types.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { runCommand, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('client-packages');

const root = projectRoot();
const PACKAGER = path.join(root, 'scripts/package.mjs');
const COMPILER = path.join(root, 'node_modules/typescript/bin/tsc');
/** The budget of a program that uses the client of a project, with everything inside. */
const CLIENT_GZIP_BYTES_MAX = 8192;
/** What the administration of a server may add. */
const ADMIN_GZIP_BYTES_MAX = 640;

const STRICT = {
  strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true,
  module: 'nodenext', target: 'es2023',
};
/** Where a program is compiled: with the types of Node, or with those of browsers. */
const PLACES = {
  node: { ...STRICT, lib: ['es2023'], types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
  browser: { ...STRICT, lib: ['es2023', 'dom', 'dom.asynciterable'], types: [] },
};

async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { code, output } = await runCommand(command, args);
  assert.equal(code, 0, output);
  return output;
}

/** Unpacks a package as an installation would, into an empty folder. */
async function installed(source: string, folder: string, name: string): Promise<string> {
  await run('npm', 'pack', source, '--ignore-scripts', '--silent', '--pack-destination', folder);
  const [tarball = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  const target = path.join(folder, 'node_modules', name);
  mkdirSync(target, { recursive: true });
  await run('tar', '-xzf', path.join(folder, tarball), '-C', target, '--strip-components=1');
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  return target;
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-package-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiles the usage file and runs a program, both with the package under this name. */
async function assertUsable(folder: string, name: string): Promise<void> {
  const usage = readFileSync(path.join(root, 'test/client/usage.mts'), 'utf8');
  writeFileSync(path.join(folder, 'usage.mts'), usage.replace('simplekv/client', name));
  for (const [place, compilerOptions] of Object.entries(PLACES)) {
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['usage.mts'] }));
    assert.equal(await run(process.execPath, COMPILER, '-p', folder), '', place);
  }
  writeFileSync(path.join(folder, 'program.mjs'), `
    import { SimpleKv } from '${name}';
    const [url, key] = process.argv.slice(2);
    const kv = new SimpleKv({ url, key, project: 'p' });
    await kv.set('a', 1);
    console.log(await kv.get('a'));
  `);
  await withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    assert.equal(await run(process.execPath, path.join(folder, 'program.mjs'), server.url, server.key('p')), '1\n');
  });
}

test('the package of the server has the client, its types, and nothing that it would have to install', () => withFolder(async (folder) => {
  const source = path.join(folder, 'source');
  await run(process.execPath, PACKAGER, 'simplekv', source);
  const target = await installed(source, folder, 'simplekv');
  await assertUsable(folder, 'simplekv/client');
  assert.match(readFileSync(path.join(target, 'dist/client/LICENSES.txt'), 'utf8'), /^eventsource-parser 3\.1\.1\n\nMIT License/);
}));

test('the package of the client alone has no dependencies and only what it needs', () => withFolder(async (folder) => {
  const source = path.join(folder, 'source');
  await run(process.execPath, PACKAGER, 'simplekv-client', source);
  const target = await installed(source, folder, 'simplekv-client');
  await assertUsable(folder, 'simplekv-client');
  const manifest = JSON.parse(readFileSync(path.join(target, 'package.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([manifest['name'], manifest['dependencies']], ['simplekv-client', undefined]);
  assert.deepEqual(Object.keys(manifest['exports'] as object).sort(), ['.', './keyv', './unstorage']);
  assert.doesNotMatch(readFileSync(path.join(target, 'README.md'), 'utf8'), /\]\((?!#)/);
  const names = readdirSync(target).filter((name) => !name.endsWith('.js')).sort();
  assert.deepEqual(names, ['LICENSE', 'LICENSES.txt', 'README.md', 'package.json', 'types']);
}));

/** The bytes of a program that imports these names, bundled and minified for browsers, after gzip. */
async function bundledBytes(names: string): Promise<number> {
  let code = '';
  await withFolder(async (folder) => {
    copyFileSync(path.join(root, 'dist/client/index.js'), path.join(folder, 'client.js'));
    writeFileSync(path.join(folder, 'program.js'), `export { ${names} } from './client.js';\n`);
    const bundle = await rolldown({ cwd: folder, input: 'program.js', platform: 'browser' });
    const { output: [{ code: made }] } = await bundle.generate({ format: 'esm', minify: true });
    code = made;
  });
  return gzipSync(code, { level: 9 }).length;
}

test('a program with the client is small, and without administration smaller', async () => {
  const client = await bundledBytes('SimpleKv, SimpleKvError, isCode');
  const all = await bundledBytes('SimpleKv, SimpleKvAdmin, SimpleKvError, isCode');
  console.log(`client ${client} bytes, with administration ${all}`);
  assert.ok(client <= CLIENT_GZIP_BYTES_MAX, `${client} bytes`);
  assert.ok(all > client && all <= CLIENT_GZIP_BYTES_MAX + ADMIN_GZIP_BYTES_MAX, `${all} bytes`);
});

test('what is shipped imports nothing', () => {
  const text = readFileSync(path.join(root, 'dist/client/index.js'), 'utf8');
  assert.doesNotMatch(text, /^\s*import\b|\bimport\(|\brequire\(|\bprocess\.|\bBuffer\b/m);
});

test.run();
