/** Quotas of the real program: through restarts, kills, snapshots, and moves between memory and disk. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { type Answer, problemOf, runCommand, type ServerUnderTest, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('quotas');

const PROJECT = '/api/v1/projects/p';
const TIMEOUT = { timeoutMs: 120_000 };
const WRITERS = 60;

interface Usage {
  readonly limit: number | null;
  readonly used: number;
}

async function quotaOf(server: ServerUnderTest, key: string): Promise<{ readonly max_keys: Usage; readonly max_bytes: Usage }> {
  const answer = await server.send('GET', `${PROJECT}/limits`, { key });
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { quota: { max_keys: Usage; max_bytes: Usage } }).quota;
}

async function change(server: ServerUnderTest, key: string, settings: object): Promise<Answer> {
  const answer = await server.send('PUT', PROJECT, { key, body: JSON.stringify(settings) });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

function put(server: ServerUnderTest, key: string, name: string, value: string): Promise<Answer> {
  return server.send('PUT', `${PROJECT}/keys/${encodeURIComponent(name)}`, { key, body: value });
}

function firstLineOf(bench: Workbench): string {
  return readFileSync(bench.path('data', 'p.jsonl'), 'utf8').split('\n')[0] ?? '';
}

for (const isCaching of [true, false]) {
  test(`what is used is exact after a kill, a stop, snapshots and moves, with values ${isCaching ? 'in memory' : 'on disk'}`, () =>
    withWorkbench(async (bench) => {
      bench.configure([{ id: 'p', storage: { cache_in_memory: isCaching } }]);
      let server = await bench.start();
      const [key, global] = [server.key('p'), server.key('global')];
      await change(server, global, { quota: { max_keys: 4, max_bytes: 60 } });
      // 2 + 8, 1 + 30, 4 + 4 bytes.
      for (const [name, value] of [['ü', '"äöü"'], ['b', `"${'x'.repeat(28)}"`], ['😀', 'true']] as const) {
        assert.equal((await put(server, key, name, value)).status, 201);
      }
      assert.equal((await put(server, key, 'b', '"short"')).status, 200);
      const used = { max_keys: { limit: 4, used: 3 }, max_bytes: { limit: 60, used: 2 + 8 + 1 + 7 + 4 + 4 } };
      const compact = async (): Promise<void> => {
        assert.equal((await server.send('POST', `${PROJECT}/compact`, { key: global })).status, 200);
      };
      for (const way of ['at once', 'kill', 'snapshot', 'kill', 'snapshot', 'stop', 'cache', 'memory', 'disk', 'stop']) {
        if (way === 'kill') await server.kill();
        if (way === 'stop') await server.stop();
        if (way === 'kill' || way === 'stop') server = await bench.start();
        if (way === 'snapshot') await compact();
        if (way === 'cache') await change(server, key, { storage: { cache_in_memory: !isCaching } });
        if (way === 'memory' || way === 'disk') await change(server, key, { storage: { on_disk: way === 'disk' } });
        assert.deepEqual(await quotaOf(server, key), used, way);
        const details = JSON.parse((await server.send('GET', PROJECT, { key })).text) as Record<string, unknown>;
        assert.deepEqual([details['key_count'], details['value_bytes']], [3, 8 + 7 + 4], way);
        // 33 bytes are left: 1 + 33 is one too many.
        const over = await put(server, key, 'c', `"${'y'.repeat(32)}"`);
        assert.deepEqual([over.status, problemOf(over)['actual']], [507, 61], way);
      }
      assert.equal((await put(server, key, 'c', `"${'y'.repeat(31)}"`)).status, 201);
      assert.equal((await quotaOf(server, key)).max_bytes.used, 60);
      assert.equal((await server.send('DELETE', `${PROJECT}/keys?prefix=b`, { key })).status, 200);
      assert.equal((await server.send('DELETE', `${PROJECT}/keys`, { key })).status, 200);
      assert.equal((await quotaOf(server, key)).max_bytes.used, 0);
      await server.stop();
      const verified = await runCommand(process.execPath, [MAIN, 'verify', '--config', bench.configPath]);
      assert.equal(verified.code, 0, verified.output);
    }), TIMEOUT);
}

test('of many concurrent writers exactly as many get through as there is room for', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p', quota: { max_keys: 25 } }]);
    const server = await bench.start();
    const key = server.key('p');
    const answers = await Promise.all(Array.from({ length: WRITERS }, (_, index) => put(server, key, `k${index}`, '1')));
    assert.deepEqual([201, 507].map((status) => answers.filter((answer) => answer.status === status).length), [25, WRITERS - 25]);
    assert.equal((await quotaOf(server, key)).max_keys.used, 25);
    await server.stop();
  }), TIMEOUT);

test('a log is of format 1 until its project gets a quota, and the entry names it', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    let server = await bench.start();
    const [key, global] = [server.key('p'), server.key('global')];
    assert.equal((await put(server, key, 'a', '1')).status, 201);
    assert.match(firstLineOf(bench), /^\{"format":"simplekv\/1"/);
    assert.equal((await server.send('PUT', PROJECT, { key, body: '{"quota":{"max_keys":9}}' })).status, 403);
    await change(server, global, { quota: { max_keys: 1, writes_per_second: 1000 } });
    assert.match(firstLineOf(bench), /^\{"format":"simplekv\/2"/);
    const log = readFileSync(bench.path('data', 'p.jsonl'), 'utf8');
    assert.match(log, /"save_api_key_to_file":false\},"quota":\{"max_keys":1,"writes_per_second":1000\}\},"key_id"/);
    const config = bench.document() as { projects: readonly { quota?: object }[] };
    assert.deepEqual(config.projects[0]?.quota, { max_keys: 1, writes_per_second: 1000 });
    await server.stop();
    server = await bench.start();
    const answer = await put(server, key, 'b', '1');
    assert.deepEqual([answer.status, answer.headers['ratelimit-policy']], [507, '"writes_per_second";q=1000;w=1']);
    await server.stop();
  }), TIMEOUT);

test('an edit of the default quota takes effect for the projects that name none', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }, { id: 'free', quota: { max_keys: null } }]);
    let server = await bench.start();
    const global = server.key('global');
    await server.stop();
    const { projects, default: defaults } = bench.document() as { projects: readonly object[]; default: object };
    bench.configure(projects, { default: { ...defaults, quota: { max_keys: 0 } } });
    server = await bench.start();
    const statuses = await Promise.all(['p', 'free'].map(async (id) => (
      (await server.send('PUT', `/api/v1/projects/${id}/keys/a`, { key: global, body: '1' })).status
    )));
    assert.deepEqual(statuses, [507, 201]);
    const made = await server.send('POST', '/api/v1/projects', { key: global, body: '{"id":"made"}' });
    assert.deepEqual((JSON.parse(made.text) as { quota: { max_keys: unknown } }).quota.max_keys, 0);
    await server.stop();
  }), TIMEOUT);

test.run();
