import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { generateApiKey } from '../../src/auth/api-key.js';
import { suite } from '../suite.js';
import { exchangeRaw } from './raw-exchange.js';
import { until, withWorkbench, type Answer, type LoggedLine, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('logs');

const BASE = '/api/v1/projects';
/** Unique in all output. */
const VALUE = 'value-never-printed-3141592';
const KEY_NAME = 'key-never-printed-2718281';
const CHOSEN = 'chosen-key-1618033';
const WRONG_CHOSEN = 'chosen-key-wrong-1414213';

const FIELDS = [
  'level',
  'time',
  'request_id',
  'remote',
  'method',
  'route',
  'status',
  'duration_ms',
  'actor',
  'project',
  'request_bytes',
  'response_bytes',
  'msg',
];

async function lineOf(server: ServerUnderTest, answer: Answer): Promise<LoggedLine> {
  const id = answer.headers['x-request-id'];
  return await server.line(`of request ${String(id)}`, ({ msg, request_id: requestId }) => msg === 'request' && requestId === id);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile());
}

test('every request has one line with its fields', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    const put = await server.send('PUT', `${BASE}/p/keys/${KEY_NAME}`, {
      key,
      body: '"12345"',
      headers: { 'X-Request-Id': 'from-the-client.1' },
    });
    const line = await lineOf(server, put);
    assert.deepEqual(Object.keys(line), FIELDS);
    const { time, duration_ms: durationMs, actor, route, ...rest } = line;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(typeof durationMs, 'number');
    assert.match(String(actor), /^project:p#[0-9a-f]{16}$/);
    assert.match(String(route), /^\/api\/v1\/projects\/:id\/keys\//);
    const bytes = { request_bytes: 7, response_bytes: put.bytes.length };
    assert.deepEqual(rest, {
      level: 'info',
      request_id: 'from-the-client.1',
      remote: '127.0.0.1',
      method: 'PUT',
      status: 201,
      project: 'p',
      ...bytes,
      msg: 'request',
    });

    const missing = await lineOf(server, await server.send('GET', `${BASE}/p/keys/none`, { key }));
    assert.deepEqual([missing['status'], missing['code']], [404, 'key_not_found']);
    const stranger = await lineOf(server, await server.send('GET', `${BASE}/p/keys/none`));
    const found = [stranger['status'], stranger['code'], stranger['actor'], stranger['project']];
    assert.deepEqual(found, [401, 'unauthorized', 'anonymous', 'p']);
    const nowhere = await lineOf(server, await server.send('GET', '/nowhere', { key }));
    assert.deepEqual([nowhere['status'], nowhere['route']], [404, null]);
    const listing = await server.send('GET', `${BASE}/p/keys`, { key });
    assert.equal((await lineOf(server, listing))['response_bytes'], listing.bytes.length);
    await exchangeRaw(server.port, 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n');
    await server.line('of a request that is none', ({ msg, method, route: at }) => msg === 'request' && method === null && at === null);
    await server.stop();
    const ids = server.lines.filter(({ msg }) => msg === 'request').map(({ request_id: id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'no request has two lines');
  }));

/** Uses every kind of key and every route, well and badly; gives what must be found nowhere. */
async function useEverything(bench: Workbench, server: ServerUnderTest): Promise<readonly string[]> {
  const global = server.key('global');
  const [unknown, misspelt] = [generateApiKey('global'), `${global.slice(0, -1)}!`];
  const body = JSON.stringify({ secret: VALUE });
  const made = await server.send('POST', BASE, { key: global, body: '{"id":"made"}' });
  const madeKey = (JSON.parse(made.text) as { api_key: string }).api_key;
  const regenerated = await server.send('POST', `${BASE}/made/api-key/regenerate`, { key: global });
  const newKey = (JSON.parse(regenerated.text) as { api_key: string }).api_key;
  const keys = [global, server.key('p'), madeKey, newKey, unknown, misspelt, CHOSEN, WRONG_CHOSEN];
  for (const key of keys) {
    for (const id of ['p', 'made', 'chosen', 'nothing']) {
      const at = `${BASE}/${id}/keys/${KEY_NAME}`;
      await server.send('PUT', at, { key, body });
      await server.send('PUT', at, { key, body: body.slice(0, -1) });
      await server.send('PUT', at, { key, body, headers: { 'If-Match': `"${VALUE}"` } });
      await server.send('GET', at, { key, headers: { 'X-Request-Id': key } });
      await server.send('GET', `${at}?x=${VALUE}`, { key });
      await server.send('GET', `${BASE}/${id}/keys?prefix=${KEY_NAME}`, { headers: { 'X-API-Key': key } });
      await server.send('PUT', `${BASE}/${id}`, { key, body: `{"authentication":{"api_key":"${VALUE}"}}` });
      await server.send('DELETE', at, { key });
    }
    await server.send('GET', `${BASE}?api_key=${key}`);
    await server.send('GET', `/${key}`, { headers: { Cookie: `key=${key}`, 'User-Agent': key, Referer: `http://x/${key}` } });
    await server.send('GET', BASE, { headers: { Authorization: `Basic ${Buffer.from(key).toString('base64')}` } });
    await server.send('GET', BASE, { key, headers: { 'X-API-Key': key } });
    await exchangeRaw(server.port, `GET /${key} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nbad header ${key}\r\n\r\n`);
    await exchangeRaw(
      server.port,
      `PUT ${BASE}/p/keys/k HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Length: zz\r\n\r\n${VALUE}`,
    );
  }
  await server.send('DELETE', `${BASE}/made`, { key: global });
  const hashes = [...readFileSync(bench.configPath, 'utf8').matchAll(/"((?:sha256|scrypt):[^"]+)"/g)].map(([, hash]) => hash ?? '');
  assert.equal(hashes.length, 3);
  return [...keys, ...hashes, ...hashes.map((hash) => hash.slice(hash.lastIndexOf(':') + 1))];
}

test('no API key, no hash and no value is in what the server prints, and no key in any file', () =>
  withWorkbench(async (bench) => {
    const limits = { max_failed_keys_per_minute: 1_000_000 };
    const projects = [{ id: 'p' }, { id: 'chosen', authentication: { enabled: true, api_key: CHOSEN } }];
    bench.configure(projects, { limits, log_level: 'trace' });
    const server = await bench.start();
    const announced = (): string => [...server.keys.values()].reduce((text, key) => text.replaceAll(key, ''), server.stderr);
    const secrets = await useEverything(bench, server);
    await server.stop();
    assert.ok(server.lines.length > 100, 'every line is JSON');
    for (const secret of [...secrets, VALUE]) {
      assert.ok(!server.stdout.includes(secret), `${secret} in ${around(server.stdout, secret)}`);
      assert.ok(!announced().includes(secret), `${secret} on standard error`);
    }
    assert.ok(!server.stdout.includes(KEY_NAME), `a key of a project in ${around(server.stdout, KEY_NAME)}`);
    for (const file of filesIn(bench.path('data'))) {
      const text = readFileSync(file, 'latin1');
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${around(text, secret)}`);
    }
    const config = readFileSync(bench.configPath, 'utf8');
    assert.ok(!config.includes('skv_') && !config.includes(CHOSEN), config);
  }));

test('with print_api_keys off the keys of projects are not printed, and the global one is', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }], { print_api_keys: false });
    const server = await bench.start();
    const key = server.key('global');
    const made = await server.send('POST', BASE, { key, body: '{"id":"made"}' });
    assert.match((JSON.parse(made.text) as { api_key: string }).api_key, /^skv_p_/);
    assert.deepEqual([...server.keys.keys()], ['global']);
    assert.equal((server.stderr.match(/skv_/g) ?? []).length, 1);
  }));

test('a line feed or an escape in what is logged cannot make another line', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    // What the start and the harness's question for readiness leave in the log may be read late.
    const lineCount = (): number => server.lines.filter(({ msg, route }) => msg === 'request' && route !== '/readyz').length;
    const before = lineCount();
    const targets = [`${BASE}/p%0a%7B%22level%22%3A%22info%22%7D/keys/k`, `${BASE}/p/keys/a%0Ab`, `${BASE}/%1b%5B31m`];
    for (const target of targets) await server.send('GET', target, { key: server.key('global'), headers: { 'X-Request-Id': 'a b"{}\\' } });
    await until('the lines', () => (lineCount() >= before + targets.length ? true : undefined));
    assert.equal(lineCount(), before + targets.length);
    assert.ok(!server.stdout.includes('\u001b'));
  }));

function around(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - 200), at + 200);
}

test.run();
