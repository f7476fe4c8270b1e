import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('limits-routes');

const PROJECT = '/api/v1/projects/alpha';

test('limits are those of the configuration, quotas those of the project with what is used of them', () =>
  withServer(async (server) => {
    const key = server.alphaKey;
    await server.send('PUT', `${PROJECT}/keys/%C3%BC`, { key, body: '"ü"' });
    const limits = {
      value_bytes: 77, key_bytes: 33, line_bytes: 16_777_216, page_keys: 10_000, batch_ops: 5, batch_bytes: 4444, read_keys: 1000,
      idempotency: { seconds: 60, entries: 7 },
    };
    const ofNone = {
      quota: { max_keys: { limit: null, used: 1 }, max_bytes: { limit: null, used: 6 } },
      rate: { reads_per_second: { limit: null }, writes_per_second: { limit: null } },
    };
    assert.deepEqual(JSON.parse((await server.send('GET', `${PROJECT}/limits`, { key })).text), { limits, ...ofNone });
    const quota = { max_keys: 1, max_bytes: 1000, writes_per_second: 9 };
    assert.equal((await server.send('PUT', PROJECT, { body: JSON.stringify({ quota }) })).status, 200);
    assert.deepEqual(JSON.parse((await server.send('GET', `${PROJECT}/limits`, { key })).text), {
      limits,
      quota: { max_keys: { limit: 1, used: 1 }, max_bytes: { limit: 1000, used: 6 } },
      rate: { reads_per_second: { limit: null }, writes_per_second: { limit: 9 } },
    });
  }, { http: { valueBytesMax: 77, keyBytesMax: 33, batchOpsMax: 5, batchBytesMax: 4444, idempotencySeconds: 60, idempotencyEntries: 7 } }));

test('a page of as many keys as the limits say can be asked for, and not one more', () =>
  withServer(async (server) => {
    const { limits } = JSON.parse((await server.send('GET', `${PROJECT}/limits`)).text) as { limits: { page_keys: number } };
    assert.equal((await server.send('GET', `${PROJECT}/keys?limit=${limits.page_keys}`)).status, 200);
    assert.equal((await server.send('GET', `${PROJECT}/keys?limit=${limits.page_keys + 1}`)).status, 400);
  }));

test('a write beyond a quota is answered 507 with what it exceeds, and without a time to retry', () =>
  withServer(async (server) => {
    const key = server.alphaKey;
    await server.send('PUT', PROJECT, { body: '{"quota":{"max_keys":1,"max_bytes":9}}' });
    assert.equal((await server.send('PUT', `${PROJECT}/keys/a`, { key, body: '"123456"' })).status, 201);
    const longer = await server.send('PUT', `${PROJECT}/keys/a`, { key, body: '"1234567"' });
    const { code, quota, limit, actual, detail } = problemOf(longer);
    assert.deepEqual([longer.status, code, quota, limit, actual], [507, 'quota_exceeded', 'max_bytes', 9, 10]);
    assert.match(String(detail), /Nothing was changed\. Deletes and smaller values are accepted/);
    const ops = '{"ops":[{"op":"set","key":"b","value":1},{"op":"set","key":"a","value":1}]}';
    const batch = await server.send('POST', `${PROJECT}/batch`, { key, body: ops });
    assert.deepEqual([batch.status, problemOf(batch)['quota'], problemOf(batch)['actual']], [507, 'max_keys', 2]);
    for (const { headers } of [longer, batch]) assert.equal(headers['retry-after'], undefined);
    assert.equal((await server.send('GET', `${PROJECT}/keys`, { key })).text, '{"a":"123456"}');
    assert.equal(server.lines.filter(({ msg }) => msg === 'Cannot answer a request').length, 0, 'it is no failure of the server');
  }));

test('quotas are shown with the project, and only the global API key may change them', () =>
  withServer(async (server) => {
    const body = '{"quota":{"max_keys":5}}';
    assert.equal((await server.send('PUT', PROJECT, { key: server.alphaKey, body })).status, 403);
    const changed = await server.send('PUT', PROJECT, { body });
    const quota = { max_keys: 5, max_bytes: null, reads_per_second: null, writes_per_second: null };
    assert.deepEqual((JSON.parse(changed.text) as { quota: unknown }).quota, quota);
    assert.deepEqual((JSON.parse((await server.send('GET', PROJECT)).text) as { quota: unknown }).quota, quota);
    const all = ['{"max_keys":-1}', '{"max_bytes":1.5}', '{"writes_per_second":0}', '{"reads_per_second":"1"}', '{}', '{"more":1}'];
    for (const wrong of all) {
      assert.equal((await server.send('PUT', PROJECT, { body: `{"quota":${wrong}}` })).status, 400, wrong);
    }
  }));

test.run();
