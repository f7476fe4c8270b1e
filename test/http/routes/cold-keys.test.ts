/** Keys whose values are on disk, and listings of them and of values in memory: a real store over a log that the test can damage. */
import assert from 'node:assert/strict';
import { generateApiKey } from '../../../src/auth/api-key.js';
import { hashGenerated } from '../../../src/auth/key-hash.js';
import { ProjectModel } from '../../../src/projections/project-model.js';
import { ValueCache } from '../../../src/projections/value-cache.js';
import { PIECE_VALUE_BYTES_MAX } from '../../../src/store/project-reads.js';
import { ProjectStore } from '../../../src/store/project-store.js';
import { CONTEXT, create } from '../../store/created-store.js';
import { PlacedLog } from '../../store/placed-log.js';
import { suite } from '../../suite.js';
import { problemOf, withServer, type TestServer } from '../test-server.js';
import { readKey } from '../../store/read-key.js';

const test = suite('cold-keys');

const KEYS = '/api/v1/projects/alpha/keys';
const ALPHA = { kind: 'project', project: 'alpha' } as const;
const VALUE = '{"ü":"😀",  "n":1.0}';

/** Gives the project `alpha` a store whose values are in a log, without a cache, unless they are to be in memory. */
async function makeCold(server: TestServer, isCaching = false): Promise<PlacedLog> {
  const log = new PlacedLog();
  const store = new ProjectStore({ log, model: new ProjectModel({ isCaching }), cache: new ValueCache(1) });
  await store.submit(create(), CONTEXT);
  server.projects.realStores.set('alpha', store);
  return log;
}

async function put(server: TestServer, key: string, value: string): Promise<void> {
  assert.equal((await server.send('PUT', `${KEYS}/${key}`, { body: value })).status, 201);
}

test('a value is read from disk token for token, with the same headers as one in memory', () =>
  withServer(async (server) => {
    const log = await makeCold(server);
    await put(server, 'k', VALUE);
    const answer = await server.send('GET', `${KEYS}/k`);
    assert.deepEqual([answer.status, answer.text, log.reads.length], [200, VALUE, 1]);
    assert.equal(answer.headers['content-length'], String(Buffer.byteLength(VALUE)));
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.match(String(answer.headers.etag), /^"2-/);
    assert.ok(answer.headers['last-modified'] !== undefined);
    assert.equal((await server.send('GET', `${KEYS}/absent`)).status, 404);
  }));

test('HEAD and 304 have the headers of GET without a read from disk', () =>
  withServer(async (server) => {
    const log = await makeCold(server);
    await put(server, 'k', VALUE);
    const [got, head] = [await server.send('GET', `${KEYS}/k`), await server.send('HEAD', `${KEYS}/k`)];
    const { date: _date, 'x-request-id': _id, ...expected } = got.headers;
    const { date: _otherDate, 'x-request-id': _otherId, ...actual } = head.headers;
    assert.deepEqual(actual, expected);
    assert.equal(head.bytes.length, 0);
    const unchanged = await server.send('GET', `${KEYS}/k`, { headers: { 'If-None-Match': String(got.headers.etag) } });
    assert.deepEqual([unchanged.status, unchanged.headers.etag, unchanged.bytes.length], [304, got.headers.etag, 0]);
    assert.equal(log.reads.length, 1);
  }));

test('a value changed on disk is 503, without its version or content; other keys are served', () =>
  withServer(async (server) => {
    const log = await makeCold(server);
    await put(server, 'k', '"secret"');
    await put(server, 'other', '1');
    await server.send('GET', `${KEYS}/k`);
    const [place] = log.reads;
    assert.ok(place !== undefined);
    log.damage(place);
    const answer = await server.send('GET', `${KEYS}/k`, { headers: { 'X-Request-Id': 'damaged' } });
    assert.equal(problemOf(answer)['code'], 'project_corrupt');
    assert.deepEqual([answer.status, answer.headers.etag, answer.headers['last-modified']], [503, undefined, undefined]);
    assert.doesNotMatch(answer.text, /secre|segment/);
    const told = server.lines.find((line) => line['request_id'] === 'damaged' && line['reason'] !== undefined);
    assert.match(String(told?.['reason']), /seq 2 in the segment of seq 1 at byte \d+/);
    assert.doesNotMatch(JSON.stringify(server.lines), /secre/);
    assert.equal((await server.send('GET', `${KEYS}/other`)).text, '1');
    assert.equal((await server.send('HEAD', `${KEYS}/k`)).status, 200);
  }));

test('a caller whose API key is replaced while its value is read from disk learns neither the value nor its version', () =>
  withServer(async (server) => {
    const log = await makeCold(server);
    await put(server, 'k', '"secret"');
    log.beforeRead = () => server.keyring.setKey(ALPHA, { hash: hashGenerated(generateApiKey('project')) });
    for (const path of [`${KEYS}/k`, KEYS, `${KEYS}?limit=1`, `${KEYS}?values=entries`, `${KEYS}?values=entries&limit=1`]) {
      server.keyring.setKey(ALPHA, { hash: hashGenerated(server.alphaKey) });
      const answer = await server.send('GET', path, { key: server.alphaKey });
      assert.deepEqual([answer.status, answer.headers.etag, answer.headers['last-modified']], [401, undefined, undefined], path);
      assert.doesNotMatch(answer.text, /secret/);
    }
  }));

test('listings and pages of values on disk are complete and ordered, in pieces of limited size', () =>
  withServer(async (server) => {
    await makeCold(server);
    const half = `"${'x'.repeat(PIECE_VALUE_BYTES_MAX / 2 - 2)}"`;
    const store = server.projects.store('alpha');
    const expected: Record<string, string> = {};
    for (const [index, key] of ['a', 'b', 'c', 'd', 'e', 'f', 'g'].entries()) {
      expected[key] = index < 5 ? half : String(index);
      await store.submit({ type: 'set', key, value: expected[key] }, CONTEXT);
    }
    const text = (keys: readonly string[]): string => `{${keys.map((key) => `"${key}":${expected[key]}`).join(',')}}`;
    assert.ok((await server.send('GET', KEYS)).text === text(Object.keys(expected)));
    assert.ok((await server.send('GET', `${KEYS}?limit=6`)).text === text(['a', 'b', 'c', 'd', 'e', 'f']));
    assert.ok((await server.send('GET', `${KEYS}?limit=3&reverse=true`)).text === text(['g', 'f', 'e']));
    assert.equal((await server.send('GET', `${KEYS}?values=false`)).text, JSON.stringify(Object.keys(expected)));
  }));

test('entries of values on disk are complete, ordered and token for token, in either form', () =>
  withServer(async (server) => {
    await makeCold(server);
    await put(server, 'b', VALUE);
    await put(server, 'a', `"${'x'.repeat(PIECE_VALUE_BYTES_MAX)}"`);
    await put(server, 'c', '1.0');
    const textOf = async (accept: string, query = ''): Promise<string> => {
      const answer = await server.send('GET', `${KEYS}?values=entries${query}`, { headers: { Accept: accept } });
      return answer.text.replaceAll(/"modified_at":"[^"]*"/g, '"modified_at":"…"');
    };
    const expected = [['a', 3, `"${'x'.repeat(PIECE_VALUE_BYTES_MAX)}"`], ['b', 2, VALUE], ['c', 4, '1.0']].map(([key, seq, value]) => (
      `{"key":"${key}","seq":${seq},"modified_at":"…","expires_at":null,"value":${value}}`
    ));
    for (const query of ['', '&limit=9']) {
      assert.ok(await textOf('*/*', query) === `[${expected.join(',')}]`);
      assert.ok(await textOf('application/x-ndjson', query) === expected.map((line) => `${line}\n`).join(''));
    }
  }));

for (const isCaching of [true, false]) {
  test(`pieces of any size are sent together in their order, with values ${isCaching ? 'in memory' : 'on disk'}`, () =>
    withServer(async (server) => {
      await makeCold(server, isCaching);
      const store = server.projects.store('alpha');
      // Many short ones, some that fill a piece sooner, and a few that are longer than what is sent together.
      const sizeOf = (index: number): number => (index % 997 === 500 ? 700_000 : index % 1000 > 800 ? 2000 : 20);
      const valueOf = (index: number): string => JSON.stringify(String(index % 10).repeat(sizeOf(index)));
      const keys = Array.from({ length: 6000 }, (_, index) => `k${String(index).padStart(5, '0')}`);
      for (const [index, key] of keys.entries()) void store.submit({ type: 'set', key, value: valueOf(index) }, CONTEXT);
      await store.submit({ type: 'set', key: 'last', value: '1' }, CONTEXT);
      const expected = `{${keys.map((key, index) => `"${key}":${valueOf(index)}`).join(',')},"last":1}`;
      for (let round = 0; round < 2; round += 1) assert.ok((await server.send('GET', KEYS)).text === expected);
    }));
}

test('a damaged value at the start of a listing is a problem, one further on cuts it off', () =>
  withServer(async (server) => {
    const log = await makeCold(server);
    const store = server.projects.store('alpha');
    for (let index = 0; index < 1100; index += 1) {
      await store.submit({ type: 'set', key: `k${String(index).padStart(4, '0')}`, value: `"${'x'.repeat(2000)}"` }, CONTEXT);
    }
    const damage = async (key: string): Promise<void> => {
      log.reads.length = 0;
      await readKey(store, key);
      for (const place of log.reads) log.damage(place);
    };
    await damage('k1050');
    await assert.rejects(server.send('GET', KEYS));
    assert.equal(problemOf(await server.send('GET', `${KEYS}?start=k1000`))['code'], 'project_corrupt');
    assert.equal((await server.send('GET', `${KEYS}?end=k1000`)).status, 200);
    assert.equal((await server.send('GET', `${KEYS}?values=false`)).status, 200);
  }));

test.run();
