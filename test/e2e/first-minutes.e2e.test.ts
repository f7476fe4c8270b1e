import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { suite } from '../suite.js';
import { runCommand, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('first-minutes');

const DEFAULT_PORT = 23_849;
const PORT_TAKEN = 69;

/** A first run listens on the default port. Where that is taken, the file that it wrote is given another one. */
async function firstRun(
  bench: Workbench,
): Promise<{ readonly printed: string; readonly server: ServerUnderTest; readonly keys: ServerUnderTest }> {
  const first = bench.spawn();
  const outcome = await Promise.race([first.ready().catch(() => undefined), first.ended.then(() => undefined)]);
  if (outcome !== undefined) return { printed: first.stderr, server: first, keys: first };
  assert.equal((await first.ended).code, PORT_TAKEN, first.stderr);
  console.log(`port ${DEFAULT_PORT} is taken here: the first run goes on with another`);
  writeFileSync(bench.configPath, JSON.stringify({ ...bench.document(), server_port: 0 }));
  const server = await bench.start();
  assert.equal(server.keys.size, 0, 'a key that was printed is not printed again');
  return { printed: first.stderr.replaceAll(`:${DEFAULT_PORT}/`, `:${server.port}/`), server, keys: first };
}

function curlLines(printed: string): readonly string[] {
  return printed.split('\n').filter((line) => line.trimStart().startsWith('curl '));
}

test('the lines that a first run prints work as they are pasted, and what they stored survives', () =>
  withWorkbench(async (bench) => {
    const { printed, server, keys } = await firstRun(bench);
    const [store = '', read = '', ...more] = curlLines(printed);
    assert.deepEqual(more, []);
    const stored = await runCommand('bash', ['-c', `${store} --silent --show-error`]);
    assert.equal(stored.code, 0, stored.output);
    assert.match(stored.output, /"key":"greeting","seq":2,"hash":"[0-9a-f]{64}"/);
    const found = await runCommand('bash', ['-c', `${read} --silent --show-error`]);
    assert.equal(found.output, '"hello"');

    const list = await server.send('GET', '/api/v1/projects', { key: keys.key('global') });
    assert.deepEqual(
      (JSON.parse(list.text) as { projects: { id: string }[] }).projects.map(({ id }) => id),
      ['first_project'],
    );
    assert.deepEqual(await server.stop(), { code: 0, signal: null });

    writeFileSync(bench.configPath, JSON.stringify({ ...bench.document(), server_port: 0 }));
    const again = await bench.start();
    assert.equal(again.stderr, '', 'a second start prints nothing');
    const value = await again.send('GET', '/api/v1/projects/first_project/keys/greeting', { key: keys.key('first_project') });
    assert.deepEqual([value.status, value.text], [200, '"hello"']);
  }));

test('a first run writes a configuration for its owner alone, with hashes and no key', () =>
  withWorkbench(async (bench) => {
    const { keys } = await firstRun(bench);
    assert.equal(statSync(bench.configPath).mode & 0o777, 0o600);
    assert.deepEqual([...keys.keys.keys()].sort(), ['first_project', 'global']);
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
