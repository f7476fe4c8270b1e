import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { FAKE_TIME_MS } from '../fake-projects.js';
import { problemOf, type TestServer, withServer } from '../test-server.js';

const test = suite('expiry');
const PROJECT = '/api/v1/projects/alpha';
const KEYS = `${PROJECT}/keys`;
const HOUR_MS = 3_600_000;
const IN_AN_HOUR = new Date(FAKE_TIME_MS + HOUR_MS).toISOString();

async function put(server: TestServer, target: string): Promise<Record<string, unknown>> {
  const answer = await server.send('PUT', `${KEYS}/${target}`, { body: '1', key: server.alphaKey });
  return { status: answer.status, ...(JSON.parse(answer.text) as object) };
}

test('a write says when its value expires, and reads and entries show it', () =>
  withServer(async (server) => {
    const { hash: _hash, ...receipt } = await put(server, 'a?ttl_seconds=3600');
    assert.deepEqual(receipt, { status: 201, key: 'a', seq: 2, expires_at: IN_AN_HOUR });
    const read = await server.send('GET', `${KEYS}/a`);
    assert.equal(read.headers['simplekv-expires-at'], new Date(Math.floor((FAKE_TIME_MS + HOUR_MS) / 1000) * 1000).toUTCString());
    assert.equal((await server.send('HEAD', `${KEYS}/a`)).headers['simplekv-expires-at'], read.headers['simplekv-expires-at']);
    const unchanged = await server.send('GET', `${KEYS}/a`, { headers: { 'If-None-Match': String(read.headers.etag) } });
    assert.deepEqual([unchanged.status, unchanged.headers['simplekv-expires-at']], [304, read.headers['simplekv-expires-at']]);
    assert.match((await server.send('GET', `${KEYS}?values=entries`)).text, new RegExp(`"expires_at":"${IN_AN_HOUR}","value":1`));
    const many = await server.send('POST', `${PROJECT}/read`, { body: '{"keys":["a"]}', key: server.alphaKey });
    assert.match(many.text, new RegExp(`"expires_at":"${IN_AN_HOUR}","value":1`));
  }));

test('a time of expiry is taken with any zone, and a later write keeps or removes it', () =>
  withServer(async (server) => {
    const zoned = new Date(FAKE_TIME_MS + HOUR_MS + 2 * HOUR_MS).toISOString().replace('Z', '+02:00');
    assert.equal((await put(server, `a?expires_at=${encodeURIComponent(zoned)}`))['expires_at'], IN_AN_HOUR);
    assert.equal((await put(server, 'a?keep_ttl=true'))['expires_at'], IN_AN_HOUR);
    assert.equal((await put(server, 'a?keep_ttl=false'))['expires_at'], null);
    assert.equal((await put(server, 'a?keep_ttl=true'))['expires_at'], null);
    await put(server, 'a?ttl_seconds=1');
    const { hash: _hash, ...plain } = await put(server, 'a');
    assert.deepEqual(plain, { status: 200, key: 'a', seq: 7 });
    assert.equal((await server.send('GET', `${KEYS}/a`)).headers['simplekv-expires-at'], undefined);
  }));

test('expiries that cannot be are refused, and nothing is written', () =>
  withServer(async (server) => {
    const bad = [
      'ttl_seconds=0', 'ttl_seconds=-1', 'ttl_seconds=1.5', 'ttl_seconds=1e3', 'ttl_seconds=3153600001', 'ttl_seconds=9999999999',
      'ttl_seconds=', 'ttl_seconds=+1', 'ttl_seconds=NaN', 'expires_at=tomorrow', 'expires_at=2026-11-22',
      'expires_at=2027-02-30T00:00:00Z', 'expires_at=',
      'expires_at=2027-01-01T00:00:00', 'expires_at=9999-12-31T23:59:59-01:00', 'expires_at=1', 'expires_at=null',
      `expires_at=${new Date(FAKE_TIME_MS).toISOString()}`, 'expires_at=1970-01-01T00:00:00Z', 'keep_ttl=yes', 'keep_ttl=', 'keep_ttl',
      'ttl_seconds=1&expires_at=2030-01-01T00:00:00Z', 'ttl_seconds=1&keep_ttl=true', 'ttl_seconds=1&ttl_seconds=1', 'ttl=1',
    ];
    for (const query of bad) {
      const answer = await server.send('PUT', `${KEYS}/a?${query}`, { body: '1', key: server.alphaKey });
      assert.deepEqual([answer.status, problemOf(answer)['code']], [400, 'invalid_query'], query);
    }
    for (const method of ['GET', 'DELETE']) {
      assert.equal((await server.send(method, `${KEYS}/a?ttl_seconds=1`, { key: server.alphaKey })).status, 400);
    }
    assert.equal((await server.send('GET', KEYS)).text, '{}');
  }));

test('the refusal of a time that has passed names it, and the time of the project', () =>
  withServer(async (server) => {
    const answer = await server.send('PUT', `${KEYS}/a?expires_at=2020-01-01T00:00:00Z`, { body: '1', key: server.alphaKey });
    const { detail, parameter } = problemOf(answer);
    assert.equal(parameter, 'expires_at');
    assert.match(String(detail), /must be in the future: it is 2020-01-01T00:00:00\.000Z, and now is 2026-11-22T10:00:00\.123Z/);
  }));

function batch(server: TestServer, ops: readonly object[]): ReturnType<TestServer['send']> {
  return server.send('POST', `${PROJECT}/batch`, { body: JSON.stringify({ ops }), key: server.alphaKey });
}

test('a batch sets values that expire, and touches those that there are', () =>
  withServer(async (server) => {
    await put(server, 'kept');
    const answer = await batch(server, [
      { op: 'set', key: 'a', value: 1, ttl_seconds: 3600 }, { op: 'set', key: 'b', value: 2, expires_at: IN_AN_HOUR },
      { op: 'set', key: 'c', value: 3, expires_at: null },
      { op: 'touch', key: 'kept', ttl_seconds: 3600 }, { op: 'touch', key: 'none', expires_at: null },
    ]);
    assert.equal(answer.status, 200);
    assert.deepEqual((JSON.parse(answer.text) as { results: unknown }).results, [
      { key: 'a', created: true }, { key: 'b', created: true }, { key: 'c', created: true },
      { key: 'kept', existed: true }, { key: 'none', existed: false },
    ]);
    const listed = (await server.send('GET', `${KEYS}?values=entries`)).text;
    const entries = JSON.parse(listed) as { key: string; expires_at: unknown; value: unknown }[];
    assert.deepEqual(entries.map(({ key, expires_at: at, value }) => [key, at, value]), [
      ['a', IN_AN_HOUR, 1], ['b', IN_AN_HOUR, 2], ['c', null, 3], ['kept', IN_AN_HOUR, 1],
    ]);
    const missing = await batch(server, [{ op: 'touch', key: 'none', expires_at: null, if_exists: true }]);
    assert.deepEqual([missing.status, problemOf(missing)['op_index']], [412, 0]);
  }));

test('operations with an expiry that cannot be are refused by their place', () =>
  withServer(async (server) => {
    const bad: readonly (readonly [object, string])[] = [
      [{ op: 'touch', key: 'a' }, 'expires_at'], [{ op: 'touch', key: 'a', keep_ttl: true }, 'keep_ttl'],
      [{ op: 'touch', key: 'a', ttl_seconds: 1, expires_at: null }, 'expires_at'],
      [{ op: 'touch', key: 'a', value: 1, ttl_seconds: 1 }, 'value'],
      [{ op: 'set', key: 'a', value: 1, ttl_seconds: '1' }, 'ttl_seconds'],
      [{ op: 'set', key: 'a', value: 1, ttl_seconds: 0 }, 'ttl_seconds'],
      [{ op: 'set', key: 'a', value: 1, ttl_seconds: 1.5 }, 'ttl_seconds'],
      [{ op: 'set', key: 'a', value: 1, ttl_seconds: [1] }, 'ttl_seconds'],
      [{ op: 'set', key: 'a', value: 1, expires_at: 5 }, 'expires_at'],
      [{ op: 'set', key: 'a', value: 1, expires_at: 'soon' }, 'expires_at'],
      [{ op: 'set', key: 'a', value: 1, expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
      [{ op: 'set', key: 'a', value: 1, keep_ttl: 'true' }, 'keep_ttl'],
      [{ op: 'set', key: 'a', value: 1, keep_ttl: true, ttl_seconds: 1 }, 'keep_ttl'],
      [{ op: 'delete', key: 'a', ttl_seconds: 1 }, 'ttl_seconds'], [{ op: 'check', key: 'a', if_seq: 0, keep_ttl: true }, 'keep_ttl'],
    ];
    for (const [operation, member] of bad) {
      const answer = await batch(server, [{ op: 'set', key: 'first', value: 1 }, operation]);
      const { code, pointer, op_index: index } = problemOf(answer);
      assert.deepEqual([answer.status, code, pointer, index], [400, 'invalid_batch', `/ops/1/${member}`, 1], JSON.stringify(operation));
    }
    assert.equal((await server.send('GET', KEYS)).text, '{}');
  }));

test.run();
