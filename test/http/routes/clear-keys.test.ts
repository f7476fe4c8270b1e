import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, type TestServer, withServer } from '../test-server.js';

const test = suite('clear-keys');
const KEYS = '/api/v1/projects/alpha/keys';

async function withKeys(body: (server: TestServer) => Promise<void>): Promise<void> {
  await withServer(async (server) => {
    for (const key of ['a', 'user%2F1', 'user%2F2', 'x']) await server.send('PUT', `${KEYS}/${key}`, { body: '1' });
    await body(server);
  });
}

async function clear(server: TestServer, query: string): Promise<{ readonly status: number; readonly answer: Record<string, unknown> }> {
  const { status, text } = await server.send('DELETE', `${KEYS}${query}`);
  return { status, answer: JSON.parse(text) as Record<string, unknown> };
}

test('a range is deleted with one receipt', () => withKeys(async (server) => {
  const { status, answer: { hash, ...rest } } = await clear(server, '?prefix=user/');
  assert.deepEqual([status, rest], [200, { deleted: 2, seq: 6 }]);
  assert.match(String(hash), /^[0-9a-f]{64}$/);
  assert.equal((await server.send('GET', `${KEYS}?values=false`)).text, '["a","x"]');
  assert.deepEqual((await clear(server, '?start=b&end=y')).answer['deleted'], 1);
}));

test('a range without keys has no receipt, and neither has a dry run', () => withKeys(async (server) => {
  assert.deepEqual(await clear(server, '?prefix=none'), { status: 200, answer: { deleted: 0 } });
  assert.deepEqual(await clear(server, '?prefix=user/&dry_run=true'), { status: 200, answer: { deleted: 2, dry_run: true } });
  assert.deepEqual(await clear(server, '?dry_run=true'), { status: 200, answer: { deleted: 4, dry_run: true } });
  assert.deepEqual((await clear(server, '?dry_run=false&prefix=user/1')).answer['deleted'], 1);
  assert.equal((await server.send('GET', `${KEYS}?count=true`)).text, '{"count":3,"seq":6}');
}));

test('another number than the expected one is 412 with both, for all keys too', () => withKeys(async (server) => {
  for (const [query, expected, actual] of [
    ['?prefix=user/&expect_count=3', 3, 2], ['?expect_count=0', 0, 4], ['?expect_count=5&dry_run=true', 5, 4],
  ] as const) {
    const answer = await server.send('DELETE', `${KEYS}${query}`);
    const problem = problemOf(answer);
    assert.deepEqual([answer.status, problem['code']], [412, 'precondition_failed']);
    assert.deepEqual([problem['expected'], problem['actual']], [expected, actual]);
    assert.match(String(problem['detail']), new RegExp(`there are ${actual}, not ${expected}`));
  }
  assert.equal((await clear(server, '?prefix=user/&expect_count=2')).status, 200);
  assert.equal((await clear(server, '?expect_count=2')).status, 200);
}));

test('a range that is sent as a body deletes nothing', () => withKeys(async (server) => {
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    const answer = await server.send('DELETE', KEYS, { body: '{"prefix":"user/"}', headers });
    assert.deepEqual([answer.status, problemOf(answer)['code']], [400, 'invalid_query']);
    assert.match(String(problemOf(answer)['detail']), /as parameters, and no body/);
  }
  assert.equal((await server.send('GET', `${KEYS}?count=true`)).text, '{"count":4,"seq":5}');
}));

test('an empty, unknown, repeated or malformed parameter deletes nothing', () => withKeys(async (server) => {
  const queries = [
    '?prefix=', '?prefix', '?start=&end=', '?prefix=a&prefix=x', '?limit=1', '?cursor=YQ', '?reverse=true', '?count=true', '?Prefix=a',
    '?expect_count=', '?expect_count=-1', '?expect_count=1.0', '?expect_count=01', '?expect_count=x', '?dry_run=1', '?dry_run=TRUE',
    '?prefix=%FF', '?if_seq=1',
  ];
  for (const query of queries) {
    const answer = await server.send('DELETE', `${KEYS}${query}`);
    assert.deepEqual([answer.status, problemOf(answer)['code']], [400, 'invalid_query'], query);
  }
  assert.equal((await server.send('GET', `${KEYS}?count=true`)).text, '{"count":4,"seq":5}');
}));

test.run();
