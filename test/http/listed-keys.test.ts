/** What listed API keys change of the answers of every route: refusals, headers, what a writer learns. Straight through and through Koa. */
import assert from 'node:assert/strict';
import type { Permission } from '../../src/api/permissions.js';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import type { KeyWindow } from '../../src/auth/principal.js';
import { ManualClock, MANUAL_CLOCK_START_MS } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { EventReader } from './event-reader.js';
import { problemOf, withServer, type Answer, type TestServer } from './test-server.js';

const test = suite('listed-keys');

const ALPHA = { kind: 'project', project: 'alpha' } as const;
const KEY = '/api/v1/projects/alpha/keys/k';
const DAY_MS = 86_400_000;
const EXPIRES_MS = MANUAL_CLOCK_START_MS + 10 * DAY_MS;
const EXPIRING: KeyWindow = { notBeforeMs: -Infinity, expiresAtMs: EXPIRES_MS, isReplaced: false };

interface Listed {
  readonly server: TestServer;
  readonly clock: ManualClock;
  /** Replaces the listed keys of `alpha` by one, and returns it. */
  list(permissions: readonly Permission[], window?: KeyWindow): string;
}

async function withListed(body: (listed: Listed) => Promise<void>, hotPath = true): Promise<void> {
  const clock = new ManualClock();
  await withServer(async (server) => {
    server.projects.fakeStore('alpha').values.entries.set('k', { value: '1', seq: 2, tag: 0, timeMs: 0 });
    const list: Listed['list'] = (permissions, window) => {
      const key = generateApiKey('listed');
      server.keyring.setListed(ALPHA, [{ hash: hashGenerated(key), permissions, window: window ?? null }]);
      return key;
    };
    await body({ server, clock, list });
  }, { clock, hotPath, failuresPerMinute: 2, streamTimes: { checkMs: 20 } });
}

function challengeOf({ headers }: Answer): string | undefined {
  return headers['www-authenticate'];
}

for (const hotPath of [true, false]) {
  const way = hotPath ? 'straight through' : 'through Koa';

  test(`${way}: the answer to the holder of an expired key says so, at once and without counting them as one who guesses`,
    () => withListed(async ({ server, clock, list }) => {
    const key = list(['all'], EXPIRING);
    assert.equal((await server.send('GET', KEY, { key })).status, 200);
    clock.setWall(EXPIRES_MS - 1);
    assert.equal((await server.send('GET', KEY, { key })).status, 200);
    clock.setWall(EXPIRES_MS);
    for (let time = 0; time < 5; time += 1) {
      const answer = await server.send('GET', KEY, { key });
      assert.deepEqual([answer.status, problemOf(answer)['reason']], [401, 'expired']);
      assert.equal(challengeOf(answer), 'Bearer realm="simplekv", error="invalid_token"');
    }
    assert.equal((await server.send('GET', KEY, { key: generateApiKey('listed') })).status, 401);
  }, hotPath));

  test(`${way}: a key that does not work yet is refused with the words for an unknown one`,
    () => withListed(async ({ server, clock, list }) => {
    const key = list(['all'], { ...EXPIRING, notBeforeMs: MANUAL_CLOCK_START_MS + 1, expiresAtMs: Infinity });
    const told = (answer: Answer): unknown => [answer.text.replace(String(answer.headers['x-request-id']), ''), challengeOf(answer)];
    const early = await server.send('GET', KEY, { key });
    assert.deepEqual(told(early), told(await server.send('GET', KEY, { key: generateApiKey('listed') })));
    clock.advance(1);
    assert.equal((await server.send('GET', KEY, { key })).status, 200);
  }, hotPath));

  test(`${way}: a key on one connection stops at the moment of its end, and at its removal`,
    () => withListed(async ({ server, clock, list }) => {
    const key = list(['read'], EXPIRING);
    const { Agent } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOnOneSocket = async (): Promise<number> => {
      const url = `http://127.0.0.1:${server.port}${KEY}`;
      const { request } = await import('node:http');
      return await new Promise((resolve, reject) => {
        const sent = request(url, { agent, headers: { Authorization: `Bearer ${key}` } }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
        });
        sent.on('error', reject).end();
      });
    };
    assert.deepEqual([await statusOnOneSocket(), await statusOnOneSocket()], [200, 200]);
    clock.setWall(EXPIRES_MS);
    assert.equal(await statusOnOneSocket(), 401);
    clock.setWall(MANUAL_CLOCK_START_MS);
    assert.equal(await statusOnOneSocket(), 200);
    server.keyring.setListed(ALPHA, []);
    assert.equal(await statusOnOneSocket(), 401);
    agent.destroy();
  }, hotPath));

  test(`${way}: every answer to a replaced key in its last 7 days says when it ends`,
    () => withListed(async ({ server, clock, list }) => {
    const key = list(['write'], { ...EXPIRING, isReplaced: true });
    const end = async (method: string, body?: string): Promise<unknown> => (
      (await server.send(method, KEY, { key, ...(body === undefined ? {} : { body }) })).headers['simplekv-key-expires-at']
    );
    clock.setWall(EXPIRES_MS - 7 * DAY_MS - 1);
    assert.equal(await end('PUT', '1'), undefined);
    clock.advance(1);
    assert.equal(await end('PUT', '1'), new Date(EXPIRES_MS).toUTCString());
    assert.equal(await end('GET'), new Date(EXPIRES_MS).toUTCString(), 'also with a refusal');
    const other = list(['write'], EXPIRING);
    assert.equal((await server.send('PUT', KEY, { key: other, body: '1' })).headers['simplekv-key-expires-at'], undefined);
  }, hotPath));

  test(`${way}: a writer that may not read is not told which version there is`, () => withListed(async ({ server, list }) => {
    const writer = list(['write']);
    for (const condition of [{ 'If-Match': '"99-00000000"' }, { 'If-None-Match': '*' }]) {
      const answer = await server.send('PUT', KEY, { key: writer, body: '1', headers: condition });
      assert.deepEqual([answer.status, answer.headers.etag, problemOf(answer)['current_seq']], [412, undefined, undefined]);
      assert.equal(problemOf(answer)['detail'], 'Cannot change the key: its version is not the expected one');
      const known = await server.send('PUT', KEY, { body: '1', headers: condition });
      assert.deepEqual([known.status, problemOf(known)['current_seq']], [412, 2]);
    }
    const batch = '{"ops":[{"op":"set","key":"k","value":1,"if_seq":7}]}';
    const inBatch = await server.send('POST', '/api/v1/projects/alpha/batch', { key: writer, body: batch });
    const { current_seq: seq, op_index: index, key } = problemOf(inBatch);
    assert.deepEqual([inBatch.status, seq, index, key], [412, undefined, 0, 'k']);
  }, hotPath));

  test(`${way}: a key that lacks a permission is refused with the one that is needed, on its own project only`,
    () => withListed(async ({ server, list }) => {
    const key = list(['write']);
    const own = await server.send('GET', KEY, { key });
    assert.deepEqual([own.status, problemOf(own)['permissions']], [403, ['read']]);
    assert.equal(challengeOf(own), 'Bearer realm="simplekv", error="insufficient_scope", scope="read"');
    const other = await server.send('GET', '/api/v1/projects/beta/keys/k', { key });
    assert.deepEqual([other.status, problemOf(other)['permissions']], [403, undefined]);
    assert.equal(challengeOf(other), 'Bearer realm="simplekv", error="insufficient_scope"');
  }, hotPath));
}

test('a stream ends with the reason when its key expires', () => withListed(async ({ server, clock, list }) => {
  const key = list(['history'], EXPIRING);
  const reader = new EventReader({ port: server.port, path: '/api/v1/projects/alpha/events', key });
  await reader.until('the stream is live', ({ frames }) => frames.some(({ event }) => event === 'live'));
  clock.setWall(EXPIRES_MS);
  await reader.until('the end', ({ ending }) => ending !== undefined);
  assert.deepEqual(JSON.parse(reader.frames.at(-1)?.data ?? ''), { reason: 'key_ended', retry_after_seconds: 2 });
}));

test('a stream ends with the reason when its key is removed', () => withListed(async ({ server, list }) => {
  const key = list(['history']);
  const reader = new EventReader({ port: server.port, path: '/api/v1/projects/alpha/events', key });
  await reader.until('the stream is live', ({ frames }) => frames.some(({ event }) => event === 'live'));
  server.keyring.setListed(ALPHA, []);
  await reader.until('the end', ({ ending }) => ending !== undefined);
  assert.deepEqual(JSON.parse(reader.frames.at(-1)?.data ?? ''), { reason: 'key_ended', retry_after_seconds: 2 });
}));

test('the use of a key is noted, by whichever way it came', () => withListed(async ({ server, list }) => {
  const key = list(['read']);
  const keyId = server.keyring.lookUp(key)?.keyId ?? '';
  assert.equal(server.keyring.lastUseMs(keyId), undefined);
  const beforeMs = performance.now();
  await server.send('GET', KEY, { key });
  assert.ok((server.keyring.lastUseMs(keyId) ?? 0) >= beforeMs);
}));

test.run();
