import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, type TestServer, withServer } from '../test-server.js';

const test = suite('apply-batch');
const BATCH = '/api/v1/projects/alpha/batch';
const KEYS = '/api/v1/projects/alpha/keys';

function post(server: TestServer, ops: readonly object[], headers: Record<string, string> = {}): ReturnType<TestServer['send']> {
  return server.send('POST', BATCH, { body: JSON.stringify({ ops }), headers, key: server.alphaKey });
}

test('a batch answers with its receipt and a result for each operation, and all keys get its version', () =>
  withServer(async (server) => {
    await server.send('PUT', `${KEYS}/a`, { body: '1', key: server.alphaKey });
    const answer = await post(server, [
      { op: 'check', key: 'a', if_seq: 2 }, { op: 'set', key: 'b', value: { n: 1 } },
      { op: 'set', key: 'c', value: null }, { op: 'delete', key: 'a' },
    ]);
    assert.equal(answer.status, 200);
    const { hash, ...rest } = JSON.parse(answer.text) as Record<string, unknown>;
    assert.match(String(hash), /^[0-9a-f]{64}$/);
    const results = [{ key: 'a', seq: 2 }, { key: 'b', created: true }, { key: 'c', created: true }, { key: 'a', existed: true }];
    assert.deepEqual(rest, { seq: 3, results });
    const tags = await Promise.all(['b', 'c'].map(async (key) => (await server.send('GET', `${KEYS}/${key}`)).headers.etag));
    assert.equal(tags[0], tags[1]);
    assert.equal((await server.send('GET', KEYS)).text, '{"b":{"n":1},"c":null}');
  }));

test('a batch that changes nothing has no receipt', () =>
  withServer(async (server) => {
    const answer = await post(server, [{ op: 'check', key: 'a', if_seq: 0 }, { op: 'delete', key: 'a' }]);
    assert.deepEqual([answer.status, answer.text], [200, '{"seq":1,"results":[{"key":"a","seq":0},{"key":"a","existed":false}]}']);
  }));

test('a condition that does not hold names the operation and the version, and nothing is changed', () =>
  withServer(async (server) => {
    await server.send('PUT', `${KEYS}/a`, { body: '1', key: server.alphaKey });
    const answer = await post(server, [{ op: 'set', key: 'b', value: 1 }, { op: 'set', key: 'a', value: 2, if_seq: 0 }]);
    assert.equal(answer.status, 412);
    const { op_index: index, key, current_seq: seq, code } = problemOf(answer);
    assert.deepEqual([code, index, key, seq], ['precondition_failed', 1, 'a', 2]);
    assert.equal((await server.send('GET', KEYS)).text, '{"a":1}');
  }));

test('the receipt of a batch that may not be on disk yet says so', () =>
  withServer(async (server) => {
    server.projects.fakeStore('alpha').volatile = true;
    assert.equal((JSON.parse((await post(server, [{ op: 'set', key: 'a', value: 1 }])).text) as Record<string, unknown>)['durable'], false);
  }));

test('bodies and headers that a batch cannot have are refused, and change nothing', () =>
  withServer(async (server) => {
    const ops = [{ op: 'set', key: 'a', value: 1 }];
    const conditional = await post(server, ops, { 'If-None-Match': '*' });
    assert.deepEqual([conditional.status, problemOf(conditional)['code']], [400, 'invalid_precondition']);
    const typed = await post(server, ops, { 'Content-Type': 'text/plain' });
    assert.deepEqual([typed.status, problemOf(typed)['code']], [415, 'unsupported_media_type']);
    const query = await server.send('POST', `${BATCH}?if_seq=1`, { body: JSON.stringify({ ops }), key: server.alphaKey });
    assert.deepEqual([query.status, problemOf(query)['code']], [400, 'invalid_query']);
    for (const [body, code] of [['', 'empty_body'], ['{"ops":[', 'invalid_json'], ['{"ops":[]}', 'invalid_batch']] as const) {
      const answer = await server.send('POST', BATCH, { body, key: server.alphaKey });
      assert.deepEqual([answer.status, problemOf(answer)['code']], [400, code]);
    }
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await server.send(method, BATCH, { key: server.alphaKey });
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'POST, OPTIONS'], method);
    }
    assert.equal((await server.send('GET', KEYS)).text, '{}');
  }));

test('limits of a batch are those of the options', () =>
  withServer(async (server) => {
    const many = await post(server, Array.from({ length: 3 }, () => ({ op: 'delete', key: 'a' })));
    assert.deepEqual([many.status, problemOf(many)['code'], problemOf(many)['limit']], [400, 'too_many_ops', 2]);
    const large = await post(server, [{ op: 'set', key: 'a', value: 'x'.repeat(1000) }]);
    assert.deepEqual([large.status, problemOf(large)['code'], problemOf(large)['limit']], [413, 'body_too_large', 1000]);
    const value = await post(server, [{ op: 'set', key: 'a', value: 'x'.repeat(100) }]);
    assert.deepEqual([value.status, problemOf(value)['limit'], problemOf(value)['op_index']], [413, 50, 0]);
  }, { http: { batchOpsMax: 2, batchBytesMax: 1000, valueBytesMax: 50 } }));

test.run();
