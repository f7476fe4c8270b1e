/**
 * A program as a stranger would write it, with types made from docs/openapi.json and a client that knows nothing of SimpleKV. It is compiled
 * strictly, so each line marked as an error must be one, and run against a real server.
 *
 * Usage: `node usage.mjs URL APIKEY`; the project `p` must exist.
 */
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { paths } from './api.js';

const [url = '', apiKey = ''] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: url, headers: { Authorization: `Bearer ${apiKey}` },
});
const id = 'p';

type BatchBody = paths['/api/v1/projects/{id}/batch']['post']['requestBody']['content']['application/json'];

async function setAndGet(): Promise<void> {
  const path = { id, key: 'user/1' };
  const put = await client.PUT('/api/v1/projects/{id}/keys/{key}', { params: { path }, body: { name: 'Ada' } });
  assert.equal(put.response.status, 201);
  const receipt: { key: string; seq: number; hash: string } = put.data ?? assert.fail(put.error.detail);
  assert.deepEqual([receipt.key, /^[0-9a-f]{64}$/.test(receipt.hash)], ['user/1', true]);
  const got = await client.GET('/api/v1/projects/{id}/keys/{key}', { params: { path } });
  const value: unknown = got.data;
  assert.deepEqual(value, { name: 'Ada' });
  // @ts-expect-error: a value is any JSON, so it has no members before it is checked
  assert.equal(got.data?.name, 'Ada');
}

async function refuse(): Promise<void> {
  const missing = await client.GET('/api/v1/projects/{id}/keys/{key}', { params: { path: { id, key: 'absent' } } });
  // What can go wrong is a closed list, and says so.
  const code = missing.error?.code;
  assert.equal(code, 'key_not_found');
  // @ts-expect-error: the route does not answer with this code
  const other: 'queue_full' | undefined = code;
  assert.equal(other, code);
  const tag = { 'If-None-Match': '*' } as const;
  const twice = await client.PUT('/api/v1/projects/{id}/keys/{key}', { params: { path: { id, key: 'user/1' }, header: tag }, body: 1 });
  assert.equal(twice.error?.code, 'precondition_failed');
}

async function list(): Promise<void> {
  const query = { prefix: 'user/', values: 'entries', limit: '10' } as const;
  const { data = assert.fail('a listing') } = await client.GET('/api/v1/projects/{id}/keys', { params: { path: { id }, query } });
  assert.ok(Array.isArray(data));
  const [entry] = data;
  assert.ok(typeof entry === 'object');
  const { key, seq, expires_at: expiresAt, value } = entry;
  assert.deepEqual([key, seq > 0, expiresAt, value], ['user/1', true, null, { name: 'Ada' }]);
}

async function changeSeveral(): Promise<void> {
  const ops: BatchBody['ops'] = [
    { op: 'check', key: 'user/1', if_match: '"1-00000000"' }, { op: 'set', key: 'user/2', value: null }, { op: 'delete', key: 'user/3' },
  ];
  const refused = await client.POST('/api/v1/projects/{id}/batch', { params: { path: { id } }, body: { ops } });
  assert.deepEqual([refused.error?.code, refused.data], ['precondition_failed', undefined]);
  const made = await client.POST('/api/v1/projects/{id}/batch', { params: { path: { id } }, body: { ops: ops.slice(1) } });
  assert.equal(made.data?.results?.length, 2);
  const read = await client.POST('/api/v1/projects/{id}/read', { params: { path: { id } }, body: { keys: ['user/2', 'user/3'] } });
  assert.deepEqual(read.data?.entries.map(({ seq }) => seq), [made.data?.seq, 0]);
}

/** Never called: what the types must refuse. */
export async function refusedByTypes(): Promise<void> {
  // @ts-expect-error: a path that is not there
  await client.GET('/api/v1/project/{id}', { params: { path: { id } } });
  // @ts-expect-error: the key is missing
  await client.PUT('/api/v1/projects/{id}/keys/{key}', { params: { path: { id } }, body: 1 });
  // @ts-expect-error: listings are not deleted by POST
  await client.POST('/api/v1/projects/{id}/keys', { params: { path: { id } } });
  // @ts-expect-error: no such query parameter
  await client.GET('/api/v1/projects/{id}/keys', { params: { path: { id }, query: { prefixes: 'a' } } });
  // @ts-expect-error: no such form of a listing
  await client.GET('/api/v1/projects/{id}/keys', { params: { path: { id }, query: { values: 'some' } } });
  // @ts-expect-error: no such operation in a batch
  await client.POST('/api/v1/projects/{id}/batch', { params: { path: { id } }, body: { ops: [{ op: 'sets', key: 'a', value: 1 }] } });
  // @ts-expect-error: durability is one of three
  await client.PUT('/api/v1/projects/{id}', { params: { path: { id } }, body: { storage: { durability: 'sometimes' } } });
}

for (const step of [setAndGet, refuse, list, changeSeveral]) await step();
console.log('done');
