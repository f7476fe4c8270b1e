/** The npm package: what is in it, and that it installs without a network and serves. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { readPackageVersion } from '../../src/base/package-version.js';
import { until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { program } from '../needs.js';
import { suite } from '../suite.js';
import { projectRoot } from '../tidy/source-tree.js';

const test = suite('ops/package.e2e');
const run = promisify(execFile);

/** Every file that the package may have. */
const ALLOWED = [
  /^package\.json$/, /^(README|CHANGELOG)\.md$/, /^LICENSE$/, /^dist\/bin\/[\w.-]+\.js$/, /^dist\/bin\/LICENSES\.txt$/,
  /^dist\/bin\/ui\/(index\.html|assets\/[\w-]+\.(js|css)(\.gz)?)$/, /^docs\/images\/[\w-]+\.png$/,
  /^dist\/bin\/docs\/(NOTICE|swagger-ui[\w.-]*)$/, /^dist\/man\/simplekv[a-z-]*\.1$/, /^docs\/[\w-]+\.(md|json)$/,
  /^ops\/[a-z]+\/[\w-]+\.(service|conf|json|ya?ml)$/, /^dist\/client\/([\w./-]+\.(js|d\.ts)|LICENSES\.txt)$/,
];
const NEEDED = [
  'package.json', 'README.md', 'LICENSE', 'dist/man/simplekv.1',
  'dist/bin/simplekv.js', 'dist/bin/task-worker.js', 'dist/bin/ui/index.html',
];
const OFFLINE = ['--offline', '--no-audit', '--no-fund'];
const PACKING = { timeoutMs: 240_000, needs: [program('tar'), program('npm')] };

/** Packs the project; gives the path of the tarball. */
async function pack(bench: Workbench): Promise<string> {
  const words = ['run', '--silent', 'package', '--', '--json', '--pack-destination', bench.folder];
  const { stdout } = await run('npm', words, { cwd: projectRoot() });
  // The script prints the folder before the answer.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [{ readonly filename: string }];
  return bench.path(filename);
}

function filesBelow(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(path.join(folder, name)).isFile()).sort();
}

test('the tarball has the files of the list and no other, no source map, and no path of the place where it was made', () =>
  withWorkbench(async (bench) => {
    const tarball = await pack(bench);
    await run('tar', ['-xzf', tarball, '-C', bench.folder]);
    const files = filesBelow(bench.path('package'));
    assert.deepEqual(files.filter((file) => !ALLOWED.some((allowed) => allowed.test(file))), []);
    for (const file of NEEDED) assert.ok(files.includes(file), file);
    for (const file of files) {
      const text = readFileSync(bench.path('package', file), 'latin1');
      assert.ok(!text.includes(projectRoot()), file);
    }
  }), PACKING);

interface FirstRun {
  readonly url: string;
  readonly key: string;
}

async function firstRunOf(server: ChildProcess): Promise<FirstRun> {
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    server[name]?.setEncoding('utf8').on('data', (text: string) => void (out[name] += text));
  }
  return await until(`a first run in ${out.stderr}`, () => {
    const [, url] = /"url":"([^"]+)".*"msg":"serving"/.exec(out.stdout) ?? [];
    const [, key] = /API key of "first_project" +(skv_\w+)\n/.exec(out.stderr) ?? [];
    return url === undefined || key === undefined ? undefined : { url, key };
  });
}

test('it installs into an empty folder without a network, and npx simplekv serves a first value, the page of the API and the web UI', () =>
  withWorkbench(async (bench) => {
    const folder = bench.path('installed');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'package.json'), '{"private":true}');
    const tarball = await pack(bench);
    await run('npm', ['install', ...OFFLINE, tarball], { cwd: folder });
    assert.deepEqual(readdirSync(path.join(folder, 'node_modules')).filter((name) => !name.startsWith('.')), ['simplekv']);
    const shown = await run('npx', ['--offline', 'simplekv', '--version'], { cwd: folder });
    assert.equal(shown.stdout.trim(), readPackageVersion());
    // The client is a module of the same package.
    const look = "import('simplekv/client').then((client) => console.log(Object.keys(client).length > 0))";
    const imported = await run(process.execPath, ['--input-type=module', '--eval', look], { cwd: folder });
    assert.equal(imported.stdout, 'true\n');
    // A group of its own: npx starts a shell, which starts the server.
    const server = spawn('npx', ['--offline', 'simplekv', 'serve', '--port', '0'], { cwd: folder, detached: true });
    bench.defer(() => {
      try {
        process.kill(-(server.pid ?? 0), 'SIGKILL');
      } catch {
        // It has ended.
      }
    });
    const { url, key } = await firstRunOf(server);
    const target = `${url}/api/v1/projects/first_project/keys/greeting`;
    const headers = { 'Authorization': `Bearer ${key}`, 'Content-Type': 'application/json' };
    assert.equal((await fetch(target, { method: 'PUT', headers, body: '"hello"' })).status, 201);
    assert.equal(await (await fetch(target, { headers })).text(), '"hello"');
    assert.equal((await fetch(`${url}/docs/swagger-ui-bundle.js`)).status, 200);
    const page = await (await fetch(`${url}/ui/`)).text();
    const [, script = ''] = /<script[^>]* src="([^"]+)"/.exec(page) ?? [];
    assert.equal((await fetch(new URL(script, `${url}/ui/`))).headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.ok(readFileSync(path.join(folder, 'config.json'), 'utf8').includes('first_project'));
  }), PACKING);

test('a global installation has the command and its manual', () => withWorkbench(async (bench) => {
  const prefix = bench.path('prefix');
  await run('npm', ['install', '--global', '--prefix', prefix, ...OFFLINE, await pack(bench)]);
  const { stdout } = await run(path.join(prefix, 'bin/simplekv'), ['--version']);
  assert.equal(stdout.trim(), readPackageVersion());
  const pages = readdirSync(path.join(prefix, 'share/man/man1'));
  assert.ok(pages.includes('simplekv.1') && pages.includes('simplekv-projects-create.1'), pages.join(' '));
}), PACKING);

test('the list of components has what is inside of the program, and nothing that only makes it', () => withWorkbench(async (bench) => {
  await run(process.execPath, ['scripts/sbom.mjs', bench.path('sbom.json')], { cwd: projectRoot() });
  const text = readFileSync(bench.path('sbom.json'), 'utf8');
  const { bomFormat, components, dependencies } = JSON.parse(text) as {
    readonly bomFormat: string;
    readonly components: readonly { readonly 'name': string; readonly 'version': string; readonly 'bom-ref': string }[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  };
  assert.equal(bomFormat, 'CycloneDX');
  const names = components.map(({ name }) => name);
  for (const name of ['koa', 'commander', 'preact', '@codemirror/view', 'uplot', 'swagger-ui-dist']) assert.ok(names.includes(name), name);
  for (const name of ['typescript', 'c8', 'rolldown']) assert.ok(!names.includes(name), name);
  // Each package of the bundle has its license there.
  const licenses = readFileSync(path.join(projectRoot(), 'dist/bin/LICENSES.txt'), 'utf8');
  for (const { name, version } of components) assert.ok(licenses.includes(`${name} ${version}\n\n`), name);
  const refs = new Set(dependencies.map(({ ref }) => ref));
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
}), { needs: [program('npm')] });

test.run();
