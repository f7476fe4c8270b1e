/** The program as a process: its output and its exit codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { readDocument } from '../docs/documents.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';

const test = suite('command-line.e2e');

const RUN_LIMIT_MS = 30_000;

/** How a run ended. */
interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
async function run(args: readonly string[], cwd?: string): Promise<Run> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, timeout: RUN_LIMIT_MS, killSignal: 'SIGKILL' });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => void (output[name] += text));
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...output };
}

test('--help prints the commands, serve --help its options, with exit code 0', async () => {
  const whole = await run(['--help']);
  assert.equal(whole.code, 0);
  assert.match(whole.stdout, /serve/);
  const serve = await run(['serve', '--help']);
  assert.equal(serve.code, 0);
  assert.match(serve.stdout, /--config <file>/);
});

test('--version prints the version, with exit code 0', async () => {
  const { code, stdout } = await run(['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\S*\n$/);
});

test('openapi prints the document of the HTTP API', async () => {
  const { code, stdout, stderr } = await run(['openapi']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(stdout === readDocument('docs/openapi.json'), 'docs/openapi.json is another document');
});

for (const [what, args] of [
  ['no command', []],
  ['an unknown command', ['sreve']],
  ['an unknown option', ['serve', '--confg', 'x']],
  ['an option without its value', ['serve', '--config']],
  ['an argument too many', ['serve', 'config.json']],
] as const) {
  test(`${what} is a mistake of usage: 64, said on standard error`, () => withWorkbench(async ({ folder }) => {
    const { code, stdout, stderr } = await run(args, folder);
    assert.equal(code, 64);
    // Without a command there is nothing to complain of, and the help is shown.
    assert.match(stderr, args.length === 0 ? /^Usage: simplekv / : /^simplekv: [^\n]+\. Run it with --help to see the options\n$/);
    assert.equal(stdout, '');
  }));
}

test('a faulty configuration ends with 78 and one line that names file and pointer', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }], { server_prot: 1 });
  const { code, stderr, stdout } = await run(['serve', '--config', bench.configPath]);
  assert.equal(code, 78);
  assert.match(stderr, /^simplekv: Cannot use the configuration "[^"]+config\.json": \/server_prot .*\n$/);
  assert.equal(stdout, '');
}));

test('a configuration in a folder that does not exist ends with 78 and creates nothing', () => withWorkbench(async (bench) => {
  const { code, stderr } = await run(['serve', '--config', bench.path('none', 'config.json')]);
  assert.equal(code, 78);
  assert.match(stderr, /folder that exists/);
}));

test('a port that is taken ends with 69 and one line that names the setting, the file and what to do',
  () => withWorkbench(async (bench) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  bench.defer(() => other.close());
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  bench.configure([{ id: 'shop' }], { server_port: address.port });
  const { code, stderr } = await run(['serve', '--config', bench.configPath]);
  assert.equal(code, 69);
  assert.match(stderr, /^simplekv: Cannot listen on 127\.0\.0\.1, port \d+: [^\n]*EADDRINUSE[^\n]*\n$/, 'one line, no stack, no key');
  for (const part of ['/server_port', bench.configPath, 'set "server_port"']) assert.ok(stderr.includes(part), stderr);
}));

test('a data folder in use by another server ends with 75 and names its process and configuration', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }]);
  const server = await bench.start();
  const { code, stderr } = await run(['serve', '--config', bench.configPath]);
  assert.equal(code, 75);
  assert.match(stderr, new RegExp(`pid ${server.process.pid}, configuration "[^"]+config\\.json"`));
  assert.equal((await server.send('GET', '/livez')).status, 200);
}));

test('standard output has only JSON objects; API keys are on standard error', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop' }]);
  const server = await bench.start();
  const key = server.key('shop');
  assert.ok(server.lines.length > 0);
  assert.ok(!server.stdout.includes(key));
  assert.equal((await server.send('GET', '/api/v1/projects/shop', { key })).status, 200);
  await server.stop();
  assert.ok(!server.stdout.includes(key));
}));

test.run();
