import assert from 'node:assert/strict';
import { ROUTES } from '../../src/api/routes.js';
import { suite } from '../suite.js';
import { type Answer, problemOf, type TestServer, withServer } from './test-server.js';

const test = suite('idempotency');
const PROJECT = '/api/v1/projects/alpha';
const KEYS = `${PROJECT}/keys`;

interface Write {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** Each has an effect once, and would be answered otherwise if it were carried out again. */
const WRITES: readonly Write[] = [
  { method: 'PUT', path: `${KEYS}/new`, body: '1' },
  { method: 'POST', path: `${KEYS}/new`, body: '1' },
  { method: 'PUT', path: `${KEYS}/new?if_seq=0`, body: '1' },
  { method: 'DELETE', path: `${KEYS}/a` },
  { method: 'DELETE', path: KEYS },
  { method: 'DELETE', path: `${KEYS}?prefix=a` },
  { method: 'POST', path: `${PROJECT}/batch`, body: '{"ops":[{"op":"set","key":"x","value":1},{"op":"delete","key":"a"}]}' },
];

function send(
  server: TestServer, { method, path, body }: Write, key: string, headers: Record<string, string | string[]> = {},
): Promise<Answer> {
  return server.send(method, path, { ...(body === undefined ? {} : { body }), headers: { 'Idempotency-Key': key, ...headers } });
}

test('a write that is sent again is answered as before, with a mark, and changes nothing', async () => {
  for (const write of WRITES) {
    await withServer(async (server) => {
      await server.send('PUT', `${KEYS}/a`, { body: '1' });
      const first = await send(server, write, 'r1');
      const again = await send(server, write, '"r1"');
      const what = `${write.method} ${write.path}`;
      assert.deepEqual([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']], [undefined, 'true'], what);
      assert.deepEqual([again.status, again.headers['etag']], [first.status, first.headers['etag']], what);
      const { results: _, ...receipt } = JSON.parse(first.text) as Record<string, unknown>;
      assert.deepEqual(JSON.parse(again.text), receipt, what);
      assert.equal(server.projects.fakeStore('alpha').seq, 3, what);
    });
  }
});

test('another route, key, query, condition or body with the same Idempotency-Key is 422', () => withServer(async (server) => {
  await send(server, { method: 'PUT', path: `${KEYS}/a`, body: '{"n":1.0}' }, 'r1', { 'If-None-Match': '*' });
  const others: readonly (readonly [Write, Record<string, string>])[] = [
    [{ method: 'PUT', path: `${KEYS}/b`, body: '{"n":1.0}' }, { 'If-None-Match': '*' }],
    [{ method: 'PUT', path: `${KEYS}/a`, body: '{"n":1}' }, { 'If-None-Match': '*' }],
    [{ method: 'PUT', path: `${KEYS}/a?if_seq=0`, body: '{"n":1.0}' }, {}],
    [{ method: 'PUT', path: `${KEYS}/a`, body: '{"n":1.0}' }, {}],
    [{ method: 'DELETE', path: `${KEYS}/a` }, {}],
    [{ method: 'DELETE', path: KEYS }, {}],
    [{ method: 'POST', path: `${PROJECT}/batch`, body: '{"ops":[{"op":"set","key":"a","value":{"n":1.0}}]}' }, {}],
  ];
  for (const [write, headers] of others) {
    const answer = await send(server, write, 'r1', headers);
    assert.deepEqual([answer.status, problemOf(answer)['code']], [422, 'idempotency_key_reused'], write.path);
    assert.match(String(problemOf(answer)['detail']), /a key of its own/);
  }
  // PUT and POST of a key are one route.
  const same = await send(server, { method: 'POST', path: `${KEYS}/a`, body: '{"n":1.0}' }, 'r1', { 'If-None-Match': '*' });
  assert.deepEqual([same.status, same.headers['idempotency-replayed']], [201, 'true']);
}));

test('the key makes the id of the request, and the id that was sent beside it is logged', () => withServer(async (server) => {
  const write = { method: 'PUT', path: `${KEYS}/a`, body: '1' };
  const answer = await send(server, write, 'order-7', { 'X-Request-Id': 'mine' });
  assert.equal(answer.headers['x-request-id'], 'idem:order-7');
  assert.equal(server.projects.fakeStore('alpha').submitted[0]?.context.requestId, 'idem:order-7');
  assert.equal((await server.lineOf('idem:order-7'))['client_request_id'], 'mine');
  await send(server, write, 'order-8', { 'X-Request-Id': 'not an id' });
  assert.equal('client_request_id' in (await server.lineOf('idem:order-8')), false);
  // Refusals have it too.
  const refused = await send(server, { ...write, body: '{' }, 'order-9');
  assert.deepEqual([refused.status, problemOf(refused)['request_id']], [400, 'idem:order-9']);
}));

test('an X-Request-Id that looks like such an id is replaced, on every route', () => withServer(async (server) => {
  for (const [method, path, body] of [['GET', KEYS, undefined], ['PUT', `${KEYS}/a`, '1'], ['GET', '/livez', undefined]] as const) {
    const answer = await server.send(method, path, { ...(body === undefined ? {} : { body }), headers: { 'X-Request-Id': 'idem:r1' } });
    assert.match(String(answer.headers['x-request-id']), /^[0-9a-f]{32}$/);
  }
  const answer = await send(server, { method: 'PUT', path: `${KEYS}/b`, body: '1' }, 'r1', { 'X-Request-Id': 'idem:r2' });
  assert.deepEqual([answer.status, answer.headers['x-request-id']], [201, 'idem:r1']);
}));

test('a key that is malformed, too long, repeated, or an API key is 400, and nothing of it is repeated or logged', () => (
  withServer(async (server) => {
    const write = { method: 'PUT', path: `${KEYS}/a`, body: '1' };
    const keys: readonly (string | string[])[] = [
      '""', 'a b', '"a', 'a"', '"a";x=1', 'ä', 'x'.repeat(101), ['a', 'b'], server.globalKey, server.alphaKey, `"${server.betaKey}"`,
    ];
    for (const key of keys) {
      const answer = await server.send(write.method, write.path, {
        body: write.body, headers: { 'Idempotency-Key': Array.isArray(key) ? key : Buffer.from(key).toString('latin1') },
      });
      assert.deepEqual([answer.status, problemOf(answer)['code']], [400, 'invalid_idempotency_key'], String(key));
      assert.match(String(answer.headers['x-request-id']), /^[0-9a-f]{32}$/);
    }
    const headers = { 'X-API-Key': 'mine', 'Idempotency-Key': 'mine' };
    const typed = await server.send('PUT', write.path, { key: null, body: '1', headers });
    assert.equal(typed.status, 401);
    assert.deepEqual([server.projects.fakeStore('alpha').seq, JSON.stringify(server.lines).includes('mine')], [1, false]);
  })
));

test('routes that change no data of a project take no notice of the header', () => withServer(async (server) => {
  for (const [method, path, body] of [
    ['GET', KEYS, undefined], ['GET', '/livez', undefined], ['POST', `${PROJECT}/read`, '{"keys":["a"]}'],
    ['PUT', PROJECT, '{"storage":{"cache_in_memory":true}}'],
  ] as const) {
    const answer = await server.send(method, path, { ...(body === undefined ? {} : { body }), headers: { 'Idempotency-Key': 'not one' } });
    assert.equal(answer.status, 200, path);
    assert.match(String(answer.headers['x-request-id']), /^[0-9a-f]{32}$/);
  }
}));

test('without a valid API key an earlier request is not answered', () => withServer(async (server) => {
  const write = { method: 'PUT', path: `${KEYS}/a`, body: '1' };
  await send(server, write, 'r1');
  const other = await server.send('PUT', write.path, { key: server.betaKey, body: '1', headers: { 'Idempotency-Key': 'r1' } });
  assert.equal(other.status, 403);
  const own = await server.send('PUT', write.path, { key: server.alphaKey, body: '1', headers: { 'Idempotency-Key': 'r1' } });
  assert.deepEqual([own.status, own.headers['idempotency-replayed']], [200, undefined]);
}));

test('the routes that take the header are those that change the data of a project', () => {
  const taking = ROUTES.filter((route) => 'idempotent' in route).map(({ id }) => id);
  assert.deepEqual(taking, ROUTES.filter(({ action }) => action === 'keys.write' || action === 'keys.revert').map(({ id }) => id));
});

test.run();
