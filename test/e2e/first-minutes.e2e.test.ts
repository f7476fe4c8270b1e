import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { suite } from '../suite.js';
import { runCommand, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('first-minutes');

const PORT_TAKEN = 69;
const PORT_RETRY_MS = 500;
const PORT_ATTEMPTS_MAX = 60;

/** A first run listens on the default port. Where another process has that for a while, it leaves nothing behind and can be repeated. */
async function firstRun(bench: Workbench): Promise<ServerUnderTest> {
  for (let attempt = 1; ; attempt += 1) {
    const server = bench.spawn();
    const outcome = await Promise.race([server.ready().catch(() => undefined), server.ended.then(() => undefined)]);
    if (outcome !== undefined) return server;
    assert.equal((await server.ended).code, PORT_TAKEN, server.stderr);
    assert.equal(existsSync(bench.configPath), false, 'a start without its port makes no configuration');
    assert.equal(server.keys.size, 0, server.stderr);
    assert.ok(attempt < PORT_ATTEMPTS_MAX, server.stderr);
    await setTimeout(PORT_RETRY_MS);
  }
}

function curlLines(printed: string): readonly string[] {
  return printed.split('\n').filter((line) => line.trimStart().startsWith('curl '));
}

test('the lines that a first run prints work as they are pasted, and what they stored survives', () =>
  withWorkbench(async (bench) => {
    const server = await firstRun(bench);
    const [store = '', read = '', ...more] = curlLines(server.stderr);
    assert.deepEqual(more, []);
    const stored = await runCommand('bash', ['-c', `${store} --silent --show-error`]);
    assert.equal(stored.code, 0, stored.output);
    assert.match(stored.output, /"key":"greeting","seq":2,"hash":"[0-9a-f]{64}"/);
    const found = await runCommand('bash', ['-c', `${read} --silent --show-error`]);
    assert.equal(found.output, '"hello"\n');

    const list = await server.send('GET', '/api/v1/projects', { key: server.key('global') });
    assert.deepEqual(
      (JSON.parse(list.text) as { projects: { id: string }[] }).projects.map(({ id }) => id),
      ['first_project'],
    );
    assert.deepEqual(await server.stop(), { code: 0, signal: null });

    writeFileSync(bench.configPath, JSON.stringify({ ...bench.document(), server_port: 0 }));
    const again = await bench.start();
    assert.equal(again.stderr, '', 'a second start prints nothing');
    const value = await again.send('GET', '/api/v1/projects/first_project/keys/greeting', { key: server.key('first_project') });
    assert.deepEqual([value.status, value.text], [200, '"hello"']);
  }));

test('a first run writes a configuration for its owner alone, with hashes and no key', () =>
  withWorkbench(async (bench) => {
    const server = await firstRun(bench);
    assert.equal(statSync(bench.configPath).mode & 0o777, 0o600);
    assert.deepEqual([...server.keys.keys()].sort(), ['first_project', 'global']);
    const text = readFileSync(bench.configPath, 'utf8');
    assert.ok(!text.includes('skv_'), text);
    assert.ok(text.split('\n').length > 10, 'it can be read by a person');
    const document = JSON.parse(text) as { default: { authentication: object }; projects: { id: string; authentication: object }[] };
    for (const authentication of [document.default.authentication, document.projects[0]?.authentication]) {
      const { api_key_hash: hash, ...rest } = authentication as { api_key_hash: string };
      assert.match(hash, /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(rest, { enabled: true, save_api_key_to_file: false, api_key: null });
    }
  }));

test.run();
