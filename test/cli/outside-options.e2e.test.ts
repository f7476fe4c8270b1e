/** Settings from the environment and the command line, at the program itself: `serve`, `config show` and `config check`. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { ended, type Ran, run, start } from './program.js';

const test = suite('outside-options.e2e');
const TIMEOUT = { timeoutMs: 120_000 };

const OPEN = { id: 'shop', authentication: { enabled: false } };
const KEY = 'a-key-that-a-secret-holds';

async function runWith(bench: Workbench, env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  return await ended(start(bench, args, { env }));
}

interface ShownSetting {
  readonly setting: string;
  readonly value: unknown;
  readonly origin: string;
  readonly source: string | null;
}

interface Shown {
  readonly config: string;
  readonly exists: boolean;
  readonly settings: readonly ShownSetting[];
}

test('a server takes settings from the environment and the command line, and writes none of them', () => withWorkbench(async (bench) => {
  bench.configure([OPEN], { server_port: 1, limits: { max_value_bytes: 100 } });
  const server = await bench.start({
    env: { SIMPLEKV_LIMITS__MAX_VALUE_BYTES: '5', SIMPLEKV_SERVER_PORT: '1', SIMPLEKV_SERVICE_PORT: '80' },
    args: ['--port', '0', '--data', bench.path('elsewhere')],
  });
  assert.equal((await server.send('PUT', '/api/v1/projects/shop/keys/a', { body: '12345' })).status, 201);
  assert.equal((await server.send('PUT', '/api/v1/projects/shop/keys/a', { body: '123456' })).status, 413);
  const changed = await server.send('PUT', '/api/v1/projects/shop', { key: server.key('global'), body: '{"quota":{"max_keys":9}}' });
  assert.equal(changed.status, 200);
  await server.stop();
  assert.ok(existsSync(bench.path('elsewhere', 'shop.jsonl')));
  const { server_port: port, limits } = bench.document();
  assert.deepEqual([port, limits], [1, { max_value_bytes: 100 }]);
  assert.ok(!readFileSync(bench.configPath, 'utf8').includes('elsewhere'));
}), TIMEOUT);

test('the configuration is the one that SIMPLEKV_CONFIG names, unless the command line names one, also for commands on files', () =>
  withWorkbench(async (bench) => {
    bench.configure([OPEN]);
    await (await bench.start({ env: { SIMPLEKV_CONFIG: bench.path('other.json') } })).stop();
    assert.ok(!existsSync(bench.path('other.json')));
    mkdirSync(bench.path('empty'));
    const env = { SIMPLEKV_CONFIG: '../config.json' };
    const inEmpty = {
      folder: bench.path('empty'),
      path: (...names: readonly string[]) => bench.path('empty', ...names),
      defer: (cleanup: () => unknown) => bench.defer(cleanup),
    } as Workbench;
    const { code, stdout, stderr } = await runWith(inEmpty, env, 'verify', 'shop');
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.match(stdout, /^shop: sound /m);
  }), TIMEOUT);

test('a setting that cannot be used ends a start with 78, or 64 for an option, and writes nothing', () => withWorkbench(async (bench) => {
  const refused = [
    [{ SIMPLEKV_SERVER_PROT: '1' }, [], EXIT_CODES.configuration, /SIMPLEKV_SERVER_PROT: .*nearest one is SIMPLEKV_SERVER_PORT/],
    [{ SIMPLEKV_SERVER_PORT: '' }, [], EXIT_CODES.configuration, /SIMPLEKV_SERVER_PORT: it is empty/],
    [{ SIMPLEKV_CONFIG: '' }, [], EXIT_CODES.configuration, /SIMPLEKV_CONFIG: it is empty/],
    [{ SIMPLEKV_GLOBAL_KEY_FILE: 'missing' }, [], EXIT_CODES.configuration, /SIMPLEKV_GLOBAL_KEY_FILE: it is "missing", .*ENOENT/],
    [{}, ['--port', 'x'], EXIT_CODES.usage, /--port: it is "x", expected a port from 0 to 65535/],
    [{}, ['--port', '1', '--port', '2'], EXIT_CODES.usage, /--port.*given twice/],
    [{}, ['--data', '.'], EXIT_CODES.configuration, /--data: .*expected another folder than that of the configuration/],
    [{}, ['--host', '192.0.2.1', '--port', '0'], EXIT_CODES.unavailable, /--host is "192.0.2.1": set --host to an address/],
  ] as const;
  for (const [env, args, code, message] of refused) {
    const ran = await runWith(bench, env, 'serve', ...args);
    assert.equal(ran.code, code, ran.stderr);
    assert.match(ran.stderr, message);
    assert.ok(!existsSync(bench.configPath));
  }
}), TIMEOUT);

test('a first run with a given global key prints none, and keeps only its hash', () => withWorkbench(async (bench) => {
  writeFileSync(bench.path('secret'), `${KEY}\n`);
  const server = await bench.start({ env: { SIMPLEKV_GLOBAL_KEY_FILE: bench.path('secret') }, args: ['--port', '0'] });
  assert.equal(server.stderr, '');
  assert.ok(!server.stdout.includes(KEY) && !server.stdout.includes('skv_'));
  assert.ok(server.lines.some(({ msg, project }) => project === 'first_project' && /it was not shown/.test(String(msg))));
  const made = await server.send('POST', '/api/v1/projects', { key: KEY, body: '{"id":"shop"}' });
  assert.equal(made.status, 201, made.text);
  await server.stop();
  assert.ok(!readFileSync(bench.configPath, 'utf8').includes(KEY));
  // Later starts do not read the file, which need not exist any more.
  const next = await bench.start({ env: { SIMPLEKV_GLOBAL_KEY_FILE: bench.path('gone') }, args: ['--port', '0'] });
  assert.equal((await next.send('GET', '/api/v1/projects', { key: KEY })).status, 200);
}), TIMEOUT);

test('config show prints what is in force and where each setting comes from', () => withWorkbench(async (bench) => {
  bench.configure([], { log_level: 'warn', trusted_proxies: ['loopback'] });
  const env = { SIMPLEKV_SERVER_HOST: '0.0.0.0', SIMPLEKV_LOG_LEVEL: 'error' };
  const json = await runWith(bench, env, 'config', 'show', '--json', '--port', '8080');
  assert.equal(json.code, EXIT_CODES.ok, json.stderr);
  const shown = JSON.parse(json.stdout) as Shown;
  assert.deepEqual([shown.config, shown.exists], [bench.configPath, true]);
  const at = (setting: string): unknown => {
    const { value, origin, source } = shown.settings.find((one) => one.setting === setting) ?? assert.fail(setting);
    return [value, origin, source];
  };
  assert.deepEqual(at('server_port'), [8080, 'command line', '--port']);
  assert.deepEqual(at('server_host'), ['0.0.0.0', 'environment', 'SIMPLEKV_SERVER_HOST']);
  assert.deepEqual(at('log_level'), ['error', 'environment', 'SIMPLEKV_LOG_LEVEL']);
  assert.deepEqual(at('trusted_proxies'), [['loopback'], 'file', null]);
  assert.deepEqual(at('timeouts.keep_alive_seconds'), [65, 'built in', null]);
  assert.deepEqual(at('default.storage.persistent_file_path'), [bench.path('data'), 'file', null]);
  assert.deepEqual(at('default.quota.max_keys'), [null, 'built in', null]);
  const text = await runWith(bench, env, 'config', 'show', '--port', '8080');
  assert.match(text.stdout, /^server_port +8080 +--port$/m);
  assert.match(text.stdout, /^log_level +"error" +SIMPLEKV_LOG_LEVEL$/m);
  assert.match(text.stdout, /^trusted_proxies +\["loopback"\] +file$/m);
}), TIMEOUT);

test('config check says whether a start would take the file, beside a running server as well', () => withWorkbench(async (bench) => {
  const missing = await run(bench, 'config', 'check');
  assert.deepEqual([missing.code, missing.stdout], [EXIT_CODES.configuration, '']);
  assert.match(missing.stderr, /there is no such file/);
  bench.configure([OPEN]);
  const server = await bench.start();
  const before = readFileSync(bench.configPath, 'utf8');
  const sound = await run(bench, 'config', 'check');
  assert.deepEqual([sound.code, sound.stderr], [EXIT_CODES.ok, '']);
  assert.equal(sound.stdout, `The configuration "${bench.configPath}" can be used: 1 project, data folder "${bench.path('data')}"\n`);
  assert.equal(readFileSync(bench.configPath, 'utf8'), before);
  await server.stop();
  bench.configure([], { tls: { key_file: 'no.pem', cert_file: 'no.pem' } });
  const tls = await run(bench, 'config', 'check');
  assert.equal(tls.code, EXIT_CODES.configuration);
  assert.match(tls.stderr, /\/tls\/key_file is .*ENOENT/);
  bench.configure([{ id: 'shop', revision: 1 }]);
  const elsewhere = await run(bench, 'config', 'check', '--data', 'other');
  assert.equal(elsewhere.code, EXIT_CODES.configuration);
  assert.match(elsewhere.stderr, /is the volume mounted/);
}), TIMEOUT);

test.run();
