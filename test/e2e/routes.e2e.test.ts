import assert from 'node:assert/strict';
import { freePort } from '../../bench/server-process.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { readLogFiles } from './log-files.js';
import { problemOf, withWorkbench, type Answer, type Sent, type ServerUnderTest } from './server-under-test.js';

const test = suite('routes');

const BASE = '/api/v1/projects';
const HASH = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const BIG_COUNT = inForm({ short: 12_000, long: 25_000 });
const WRITERS = 32;
/** Tens of thousands of requests take their time on a busy machine. */
const BIG_TIMEOUT_MS = 150_000;

type Fields = Readonly<Record<string, unknown>>;

function jsonOf(answer: Answer, status: number): Fields {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  return JSON.parse(answer.text) as Fields;
}

/** The tag in the ETag of what a receipt is for. */
function tagOf(receipt: Fields): string {
  return String(receipt['hash']).slice(0, 8);
}

function assertProblem(answer: Answer, status: number, code: string): Fields {
  const problem = problemOf(answer);
  assert.equal(answer.status, status, answer.text);
  assert.equal(problem['code'], code);
  assert.equal(problem['status'], status);
  assert.equal(problem['type'], `urn:simplekv:problem:${code}`);
  assert.equal(problem['request_id'], answer.headers['x-request-id']);
  for (const name of ['title', 'detail']) assert.equal(typeof problem[name], 'string', name);
  return problem;
}

function caller(server: ServerUnderTest, key: string) {
  return (method: string, path: string, sent: Sent = {}): Promise<Answer> => server.send(method, `${BASE}${path}`, { key, ...sent });
}

test('projects are created, listed, shown, changed, given another key and deleted, and stay so after restarts', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    let server = await bench.start();
    const global = server.key('global');
    let ask = caller(server, global);

    const created = await ask('POST', '', { body: '{"id":"made"}' });
    const { api_key: key, ...details } = jsonOf(created, 201);
    assert.equal(created.headers['location'], `${BASE}/made`);
    assert.match(String(key), /^skv_p_/);
    assert.deepEqual(Object.keys(details), [
      'id',
      'storage',
      'authentication',
      'quota',
      'created_at',
      'updated_at',
      'seq',
      'key_count',
      'value_bytes',
      'log_id',
      'state',
    ]);
    assert.match(String(details['created_at']), TIME);
    assert.deepEqual([details['seq'], details['key_count'], details['state']], [1, 0, 'serving']);
    assert.equal(server.key('made'), key, 'the console shows it too');
    assertProblem(await ask('POST', '', { body: '{"id":"made"}' }), 409, 'project_exists');
    assertProblem(await ask('POST', '', { body: '{"id":"Made"}' }), 400, 'invalid_project_id');

    const listed = jsonOf(await ask('GET', ''), 200)['projects'] as readonly Fields[];
    assert.deepEqual(
      listed.map(({ id }) => id),
      ['made', 'p'],
    );
    const text = (await ask('GET', '')).text;
    for (const secret of ['"api_key', 'skv_', 'sha256:']) assert.ok(!text.includes(secret), secret);
    assert.deepEqual(jsonOf(await ask('GET', '/made'), 200), details);
    const head = await ask('HEAD', '/made');
    assert.deepEqual(
      [head.status, head.text, head.headers['content-length']],
      [200, '', String(Buffer.byteLength(JSON.stringify(details)))],
    );

    const changed = jsonOf(await ask('PUT', '/made', { body: '{"storage":{"segment_bytes":8192}}' }), 200);
    assert.equal((changed['storage'] as Fields)['segment_bytes'], 8192);
    assert.equal(changed['seq'], 2);
    assertProblem(await ask('PUT', '/made', { body: '{"authentication":{"api_key":"x"}}' }), 400, 'invalid_settings');
    const regenerated = jsonOf(await ask('POST', '/made/api-key/regenerate'), 200);
    assert.deepEqual([Object.keys(regenerated), regenerated['other_keys']], [['id', 'api_key', 'other_keys'], []]);
    const newKey = String(regenerated['api_key']);
    assert.equal((await server.send('GET', `${BASE}/made`, { key: String(key) })).status, 401);
    assert.equal((await server.send('GET', `${BASE}/made`, { key: newKey })).status, 200);
    const before = (await ask('GET', '/made')).text;

    await server.stop();
    server = await bench.start();
    assert.equal(server.stderr, '');
    ask = caller(server, global);
    assert.equal((await ask('GET', '/made')).text, before);
    assert.equal((await server.send('GET', `${BASE}/made`, { key: String(key) })).status, 401);
    assert.equal((await server.send('GET', `${BASE}/made`, { key: newKey })).status, 200);

    const deleted = await ask('DELETE', '/made');
    assert.deepEqual([deleted.status, deleted.text], [204, '']);
    assertProblem(await ask('GET', '/made'), 404, 'project_not_found');
    assertProblem(await ask('DELETE', '/made'), 404, 'project_not_found');
    await server.kill();
    server = await bench.start();
    ask = caller(server, global);
    assertProblem(await ask('GET', '/made'), 404, 'project_not_found');
    assert.equal((await server.send('GET', `${BASE}/made`, { key: newKey })).status, 401);
    assert.equal(jsonOf(await ask('POST', '', { body: '{"id":"made"}' }), 201)['seq'], 1);
  }));

test('a project that is open needs no key, and switching authentication on gives one once', () =>
  withWorkbench(async (bench) => {
    bench.configure([]);
    const server = await bench.start();
    const ask = caller(server, server.key('global'));
    const made = jsonOf(await ask('POST', '', { body: '{"id":"o","storage":{"on_disk":false},"authentication":{"enabled":false}}' }), 201);
    assert.equal(made['api_key'], null);
    assert.equal((await server.send('PUT', `${BASE}/o/keys/k`, { body: '1' })).status, 201);
    const closed = jsonOf(await ask('PUT', '/o', { body: '{"authentication":{"enabled":true}}' }), 200);
    assert.match(String(closed['api_key']), /^skv_p_/);
    assert.equal((await server.send('GET', `${BASE}/o/keys/k`)).status, 401);
    assert.equal((await server.send('GET', `${BASE}/o/keys/k`, { key: String(closed['api_key']) })).text, '1');
    assert.equal(jsonOf(await ask('PUT', '/o', { body: '{"authentication":{"enabled":true}}' }), 200)['api_key'], undefined);
  }));

test('a key is set, read, replaced and deleted, each with its receipt', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const ask = caller(server, server.key('p'));
    const created = await ask('PUT', '/p/keys/a%2Fb', { body: '{"n": 1.0}' });
    const receipt = jsonOf(created, 201);
    assert.deepEqual(Object.keys(receipt), ['key', 'seq', 'hash']);
    assert.deepEqual([receipt['key'], receipt['seq'], created.headers['etag']], ['a/b', 2, `"2-${tagOf(receipt)}"`]);
    assert.match(String(receipt['hash']), HASH);
    const replaced = await ask('POST', '/p/keys/a/b', { body: '2' });
    assert.deepEqual([replaced.status, jsonOf(replaced, 200)['seq']], [200, 3]);
    const tag = `"3-${tagOf(jsonOf(replaced, 200))}"`;

    const read = await ask('GET', '/p/keys/a/b');
    assert.deepEqual(
      [read.status, read.text, read.headers['etag'], read.headers['content-type']],
      [200, '2', tag, 'application/json; charset=utf-8'],
    );
    assert.ok(Date.parse(String(read.headers['last-modified'])) > 0);
    const head = await ask('HEAD', '/p/keys/a/b');
    assert.deepEqual([head.status, head.text, head.headers['content-length'], head.headers['etag']], [200, '', '1', tag]);

    const deleted = jsonOf(await ask('DELETE', '/p/keys/a/b'), 200);
    assert.deepEqual([deleted['key'], deleted['seq']], ['a/b', 4]);
    assertProblem(await ask('GET', '/p/keys/a/b'), 404, 'key_not_found');
    assertProblem(await ask('DELETE', '/p/keys/a/b'), 404, 'key_not_found');
    for (const key of ['x', 'y', 'z']) await ask('PUT', `/p/keys/${key}`, { body: 'null' });
    const cleared = jsonOf(await ask('DELETE', '/p/keys'), 200);
    assert.deepEqual([cleared['deleted'], cleared['seq']], [3, 8]);
    assert.equal((await ask('GET', '/p/keys')).text, '{}');

    const { events } = readLogFiles(bench.path('data'), 'p');
    assert.deepEqual(
      events.map(({ op }) => op),
      ['project.create', 'set', 'set', 'delete', 'set', 'set', 'set', 'clear'],
    );
    for (const fields of [receipt, deleted, cleared]) assert.equal(events[Number(fields['seq']) - 1]?.hash, fields['hash']);
    assert.equal(events[1]?.value, '{"n": 1.0}');
  }));

test('conditions hold before and after a restart', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    let server = await bench.start();
    const key = server.key('p');
    let ask = caller(server, key);
    const first = String((await ask('PUT', '/p/keys/k', { body: '1' })).headers['etag']);
    const second = String((await ask('PUT', '/p/keys/k', { body: '2', headers: { 'If-Match': first } })).headers['etag']);
    await server.kill();
    server = await bench.start();
    ask = caller(server, key);
    assert.equal((await ask('GET', '/p/keys/k')).headers['etag'], second);
    const unchanged = await ask('GET', '/p/keys/k', { headers: { 'If-None-Match': second } });
    assert.deepEqual([unchanged.status, unchanged.text, unchanged.headers['etag']], [304, '', second]);
    assert.equal((await ask('GET', '/p/keys/k', { headers: { 'If-None-Match': first } })).status, 200);

    const stale = await ask('PUT', '/p/keys/k', { body: '3', headers: { 'If-Match': first } });
    assert.equal(assertProblem(stale, 412, 'precondition_failed')['current_seq'], 3);
    assert.equal(stale.headers['etag'], second);
    assertProblem(await ask('PUT', '/p/keys/k', { body: '3', headers: { 'If-None-Match': '*' } }), 412, 'precondition_failed');
    const absent = await ask('PUT', '/p/keys/none', { body: '3', headers: { 'If-Match': '*' } });
    assert.equal(assertProblem(absent, 412, 'precondition_failed')['current_seq'], 0);
    assert.equal(absent.headers['etag'], undefined);
    assertProblem(await ask('DELETE', '/p/keys/none', { headers: { 'If-Match': second } }), 412, 'precondition_failed');
    for (const headers of [
      { 'If-Match': 'x' },
      { 'If-Match': `${first}, ${second}` },
      { 'If-Match': `W/${second}` },
      { 'If-None-Match': second },
    ]) {
      assertProblem(await ask('PUT', '/p/keys/k', { body: '3', headers }), 400, 'invalid_precondition');
    }
    assertProblem(await ask('DELETE', '/p/keys', { headers: { 'If-Match': '*' } }), 400, 'invalid_precondition');
    assert.equal((await ask('PUT', '/p/keys/k', { body: '3', headers: { 'If-Match': second } })).status, 200);
    assert.equal((await ask('PUT', '/p/keys/new', { body: '3', headers: { 'If-None-Match': '*' } })).status, 201);
    assert.equal((await ask('DELETE', '/p/keys/k', { headers: { 'If-Match': '*' } })).status, 200);
  }));

test('a listing takes prefix, start, end, limit, cursor, reverse and values', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const ask = caller(server, server.key('p'));
    const keys = ['a', 'a/1', 'a/2', 'a/3', 'b', 'é', '\uffee', '😀'];
    for (const key of keys.toReversed()) await ask('PUT', `/p/keys/${encodeURIComponent(key)}`, { body: JSON.stringify(`of ${key}`) });
    const list = async (query: string): Promise<unknown> => jsonOf(await ask('GET', `/p/keys${query}`), 200);
    assert.equal(
      (await ask('GET', '/p/keys')).text,
      `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(`of ${key}`)}`).join(',')}}`,
    );
    assert.deepEqual(await list('?values=false'), keys);
    assert.deepEqual(await list('?values=false&reverse=true'), keys.toReversed());
    assert.deepEqual(await list('?values=false&prefix=a%2F'), ['a/1', 'a/2', 'a/3']);
    assert.deepEqual(await list('?values=false&start=a/2&end=b'), ['a/2', 'a/3']);
    assert.deepEqual(await list('?values=false&start=a/2&end=b&reverse=true'), ['a/3', 'a/2']);
    assert.deepEqual(await list('?prefix=b'), { b: 'of b' });
    for (const reverse of ['false', 'true']) {
      const found: string[] = [];
      let target: string | undefined = `${BASE}/p/keys?values=false&limit=3&reverse=${reverse}`;
      while (target !== undefined) {
        const page: Answer = await server.send('GET', target, { key: server.key('p') });
        found.push(...(jsonOf(page, 200) as unknown as string[]));
        target = /^<([^>]+)>; rel="next"$/.exec(String(page.headers['link']))?.[1];
      }
      assert.deepEqual(found, reverse === 'true' ? keys.toReversed() : keys);
    }
    const refused = [
      '?limit=0',
      '?limit=10001',
      '?limit=x',
      '?limit=',
      '?limit=1&limit=2',
      '?reverse=yes',
      '?cursor=!',
      '?more=1',
      '?prefix=%ff',
    ];
    for (const query of refused) assert.equal((await ask('GET', `/p/keys${query}`)).status, 400, query);
  }));

test('paths that are none, and methods that a path does not have, are refused', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('global');
    const strangers = [
      '/api',
      '/api/v1/',
      `${BASE}/`,
      `${BASE}/p/`,
      `${BASE}/p/Keys`,
      '/API/v1/projects',
      `${BASE}/p/keys/`,
      '//livez',
      '/livez/',
    ];
    for (const path of strangers) {
      const answer = await server.send('GET', path, { key });
      assert.equal(answer.status, 404, path);
      problemOf(answer);
    }
    const wrong = [
      ['PATCH', BASE],
      ['DELETE', BASE],
      ['POST', `${BASE}/p`],
      ['GET', `${BASE}/p/api-key/regenerate`],
      ['PUT', `${BASE}/p/keys`],
      ['POST', '/livez'],
    ];
    for (const [method = '', path = ''] of wrong) {
      const answer = await server.send(method, path, { key });
      assertProblem(answer, 405, 'method_not_allowed');
      assert.match(String(answer.headers['allow']), /OPTIONS/);
    }
    assert.deepEqual(JSON.parse((await server.send('GET', '/livez')).text), { status: 'live' });
    assert.deepEqual(JSON.parse((await server.send('GET', '/readyz')).text), { status: 'ready' });
    const verbose = JSON.parse((await server.send('GET', '/readyz?verbose')).text) as Fields;
    assert.deepEqual([verbose['degraded_count'], verbose['degraded']], [0, undefined]);
    assert.deepEqual((JSON.parse((await server.send('GET', '/readyz?verbose', { key })).text) as Fields)['degraded'], []);
    assert.equal((await server.send('GET', '/livez', { headers: { 'X-Request-Id': 'mine-1' } })).headers['x-request-id'], 'mine-1');
  }));

test(
  'a long listing has every key that was there all along once and in order, while writers run',
  () =>
    withWorkbench(async (bench) => {
      // Nothing here is about the disk: without it the keys are there sooner.
      const port = await freePort();
      bench.configure([{ id: 'p', storage: { on_disk: false } }], { server_port: port, log_level: 'warn' });
      const server = bench.spawn();
      server.url = `http://127.0.0.1:${port}`;
      await server.ready();
      const ask = caller(server, server.key('p'));
      const name = (index: number): string => `k${String(index).padStart(6, '0')}`;
      let next = 0;
      await Promise.all(
        Array.from({ length: WRITERS }, async () => {
          for (let index = next++; index < BIG_COUNT; index = next++)
            await ask('PUT', `/p/keys/${name(index * 2)}`, { body: `{"i":${index}}` });
        }),
      );
      let isOver = false;
      let written = 0;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let round = 0; !isOver; round += 1) {
          // Odd numbers come and go; even ones stay and change their value.
          const index = (round * 7919 + writer * 104_729) % (BIG_COUNT * 2);
          if (index % 2 === 1 && round % 3 === 0) await ask('DELETE', `/p/keys/${name(index)}`);
          else await ask('PUT', `/p/keys/${name(index)}`, { body: `{"r":${round}}` });
          written += 1;
        }
      });
      const steady = Array.from({ length: BIG_COUNT }, (_, index) => name(index * 2));
      for (const query of ['', '?values=false', '?values=false&reverse=true', '?limit=10000']) {
        const keys: string[] = [];
        let target: string | undefined = `${BASE}/p/keys${query}`;
        while (target !== undefined) {
          const page: Answer = await server.send('GET', target, { key: server.key('p') });
          const parsed = JSON.parse(page.text) as object;
          keys.push(
            ...(Array.isArray(parsed) ? (parsed as string[]) : [...page.text.matchAll(/"(k\d{6})":/g)].map(([, key]) => key ?? '')),
          );
          target = /^<([^>]+)>; rel="next"$/.exec(String(page.headers['link']))?.[1];
        }
        const inOrder = query.includes('reverse') ? keys.toReversed() : keys;
        for (let index = 1; index < inOrder.length; index += 1)
          assert.ok((inOrder[index - 1] ?? '') < (inOrder[index] ?? ''), `${query}: ${inOrder[index]}`);
        assert.deepEqual(
          inOrder.filter((key) => Number(key.slice(1)) % 2 === 0),
          steady,
          query,
        );
      }
      isOver = true;
      await Promise.all(writers);
      assert.ok(written > 0, 'the writers ran');
    }),
  { timeoutMs: BIG_TIMEOUT_MS },
);

test.run();
