import assert from 'node:assert/strict';
import { ALL_RIGHTS, rightsOf } from '../../../src/auth/rights.js';
import { generateApiKey } from '../../../src/auth/api-key.js';
import { hashGenerated, keyIdOf } from '../../../src/auth/key-hash.js';
import { ManualClock, MANUAL_CLOCK_START_MS } from '../../base/manual-clock.js';
import { AppError } from '../../../src/base/app-error.js';
import { suite } from '../../suite.js';
import { FAKE_KEY_ID } from '../fake-api-keys.js';
import { problemOf, withServer, type TestServer } from '../test-server.js';

const test = suite('access-routes');

const SCOPES = [
  { path: '/api/v1/projects/alpha/api-keys', scope: { kind: 'project', project: 'alpha' } },
  { path: '/api/v1/api-keys', scope: { kind: 'global' } },
] as const;
const NOON = '2026-11-22T12:00:00Z';
const NOON_MS = MANUAL_CLOCK_START_MS + 7_200_000;

function withKeys(body: (server: TestServer) => Promise<void>): Promise<void> {
  return withServer(body, { clock: new ManualClock() });
}

for (const { path, scope } of SCOPES) {
  test(`POST ${path} makes a key, and names its path`, () => withKeys(async (server) => {
    const body = JSON.stringify({ name: 'wall', permissions: ['read'], not_before: '2026-11-22T11:00:00+00:00', expires_at: NOON });
    const answer = await server.send('POST', path, { body });
    assert.deepEqual([answer.status, answer.headers.location], [201, `${path}/${FAKE_KEY_ID}`]);
    const shown = JSON.parse(answer.text) as Record<string, unknown>;
    assert.deepEqual([shown['name'], shown['expires_at'], shown['api_key']], ['wall', '2026-11-22T12:00:00.000Z', 'skv_k_made']);
    const [made] = server.projects.apiKeys.changes;
    const asked = { name: 'wall', permissions: ['read'], notBeforeMs: NOON_MS - 3_600_000, expiresAtMs: NOON_MS };
    assert.deepEqual([made?.kind, made?.scope, made?.asked, made?.caller.rights], ['create', scope, asked, ALL_RIGHTS]);
  }));

  test(`POST ${path} takes a time to live in place of an end, and neither means no end`, () => withKeys(async (server) => {
    const expiryOf = async (more: object): Promise<unknown> => {
      const answer = await server.send('POST', path, { body: JSON.stringify({ name: 'a', permissions: ['all'], ...more }) });
      return (JSON.parse(answer.text) as Record<string, unknown>)['expires_at'];
    };
    assert.equal(await expiryOf({ ttl_seconds: 7200 }), '2026-11-22T12:00:00.000Z');
    assert.deepEqual([await expiryOf({}), await expiryOf({ expires_at: null })], [null, null]);
  }));

  test(`POST ${path} refuses what no key can be`, () => withKeys(async (server) => {
    const good = { name: 'a', permissions: ['read'] };
    const faults: readonly (readonly [object, string])[] = [
      [{}, '/name'], [{ name: 'a' }, '/permissions'], [{ ...good, permissions: [] }, '/permissions'],
      [{ ...good, permissions: ['fly'] }, '/permissions/0'], [{ ...good, permissions: ['read', 'read'] }, '/permissions'],
      [{ ...good, name: '' }, '/name'], [{ ...good, name: 'a\nb' }, '/name'], [{ ...good, name: 'x'.repeat(101) }, '/name'],
      [{ ...good, expires_at: '2026-11-22T10:00:00Z' }, '/expires_at'], [{ ...good, expires_at: '2027-02-30T00:00:00Z' }, '/expires_at'],
      [{ ...good, expires_at: 'soon' }, '/expires_at'], [{ ...good, ttl_seconds: 0 }, '/ttl_seconds'],
      [{ ...good, ttl_seconds: 60, expires_at: NOON }, '/ttl_seconds'], [{ ...good, not_before: NOON, ttl_seconds: 60 }, '/not_before'],
      [{ ...good, api_key: 'chosen' }, '/api_key'], [{ ...good, more: 1 }, '/more'],
    ];
    for (const [body, pointer] of faults) {
      const answer = await server.send('POST', path, { body: JSON.stringify(body) });
      const { code, pointer: shown } = problemOf(answer);
      assert.deepEqual([answer.status, code, shown], [400, 'invalid_settings', pointer], JSON.stringify(body));
    }
    const metrics = await server.send('POST', path, { body: JSON.stringify({ ...good, permissions: ['metrics'] }) });
    assert.equal(metrics.status, scope.kind === 'global' ? 201 : 400);
  }));

  test(`${path}/{key_id} shows, changes, rotates and removes a key, and knows no other`, () => withKeys(async (server) => {
    const key = `${path}/${FAKE_KEY_ID}`;
    assert.equal((JSON.parse((await server.send('GET', key)).text) as { id: string }).id, FAKE_KEY_ID);
    assert.equal((await server.send('PUT', key, { body: JSON.stringify({ name: 'b', expires_at: NOON }) })).status, 200);
    assert.equal((await server.send('PUT', key, { body: '{"expires_at":null}' })).status, 200);
    const rotated = await server.send('POST', `${key}/rotate`, { body: '{"overlap_seconds":60}' });
    const { previous } = JSON.parse(rotated.text) as { previous: unknown };
    assert.deepEqual(previous, { id: FAKE_KEY_ID, expires_at: '1970-01-01T00:01:00.000Z' });
    assert.equal((await server.send('POST', `${key}/rotate`)).status, 200);
    assert.equal((await server.send('DELETE', key)).status, 204);
    const asked = server.projects.apiKeys.changes.map(({ kind, asked: what }) => [kind, what]);
    assert.deepEqual(asked, [
      ['change', { name: 'b', expiresAtMs: NOON_MS }], ['change', { expiresAtMs: null }], ['rotate', 60_000], ['rotate', 0],
      ['remove', undefined],
    ]);
    const gone = [['GET', key], ['PUT', key], ['POST', `${key}/rotate`], ['DELETE', key], ['GET', `${path}/unknown`]] as const;
    for (const [method, target] of gone) {
      const answer = await server.send(method, target, method === 'PUT' ? { body: '{"name":"b"}' } : {});
      assert.deepEqual([answer.status, problemOf(answer)['code']], [404, 'api_key_not_found'], `${method} ${target}`);
    }
  }));

  test(`${path}/self has no other method`, () => withKeys(async (server) => {
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const answer = await server.send(method, `${path}/self`);
      assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, HEAD, OPTIONS'], method);
    }
  }));
}

for (const { path } of SCOPES) {
  const key = `${path}/${FAKE_KEY_ID}`;
  const name = '{"name":"b"}';
  const create = ['POST', path, '{"name":"a","permissions":["read"]}'] as const;
  const change = ['PUT', key, name] as const;
  const rotate = ['POST', `${key}/rotate`, '{}'] as const;
  const remove = ['DELETE', key, undefined] as const;
  const reads = [['GET', path, undefined], ['GET', key, undefined], ['GET', `${path}/self`, undefined]] as const;

  test(`what keeps a change below ${path} from being made is answered with its code`, () => withKeys(async (server) => {
    const refusals = [
      { code: 'too_many_api_keys', status: 409, routes: [create, rotate] },
      { code: 'disk_full', status: 507, routes: [create, change, rotate, remove] },
      { code: 'config_write_failed', status: 500, routes: [create, change, rotate, remove] },
      { code: 'config_changed', status: 409, routes: [create, change, rotate, remove] },
      { code: 'internal_error', status: 500, routes: reads },
    ] as const;
    for (const { code, status, routes } of refusals) {
      server.projects.apiKeys.refusal = new AppError(code, 'made to fail', code === 'too_many_api_keys' ? { facts: { limit: 100 } } : {});
      for (const [method, target, body] of routes) {
        const answer = await server.send(method, target, body === undefined ? {} : { body });
        assert.deepEqual([answer.status, problemOf(answer)['code']], [status, code], `${method} ${target}`);
      }
    }
  }));

  test(`bodies below ${path} that are too large or of another type are refused`, () => withKeys(async (server) => {
    for (const [method, target, body] of [create, change, rotate]) {
      const large = await server.send(method, target, { body: `${body.slice(0, -1)}${' '.repeat(70_000)}}` });
      assert.deepEqual([large.status, problemOf(large)['code']], [413, 'body_too_large'], `${method} ${target}`);
      const other = await server.send(method, target, { body, headers: { 'Content-Type': 'text/plain' } });
      assert.deepEqual([other.status, problemOf(other)['code']], [415, 'unsupported_media_type'], `${method} ${target}`);
    }
  }));
}

test('a program finds the project of its key, and its key in it', () => withKeys(async (server) => {
  const key = generateApiKey('listed');
  server.keyring.setListed({ kind: 'project', project: 'alpha' }, [{ hash: hashGenerated(key), permissions: ['write'], window: null }]);
  const own = async (path: string, sent: string): Promise<unknown> => {
    const { scope, project, id } = JSON.parse((await server.send('GET', path, { key: sent })).text) as Record<string, unknown>;
    return [scope, project, id];
  };
  const ofProject = ['project', 'alpha', keyIdOf(hashGenerated(key))];
  assert.deepEqual(await own('/api/v1/api-keys/self', key), ofProject);
  assert.deepEqual(await own('/api/v1/projects/alpha/api-keys/self', key), ofProject);
  const ofAll = ['global', null, keyIdOf(hashGenerated(server.globalKey))];
  assert.deepEqual(await own('/api/v1/projects/alpha/api-keys/self', server.globalKey), ofAll);
  assert.equal((await server.send('GET', '/api/v1/projects/beta/api-keys/self', { key })).status, 403);
}));

test('a change by a listed key is asked for with what that key may do', () => withKeys(async (server) => {
  const key = generateApiKey('listed');
  const listed = { hash: hashGenerated(key), permissions: ['admin', 'read'], window: null } as const;
  server.keyring.setListed({ kind: 'project', project: 'alpha' }, [listed]);
  await server.send('DELETE', `/api/v1/projects/alpha/api-keys/${FAKE_KEY_ID}`, { key });
  assert.equal(server.projects.apiKeys.changes[0]?.caller.rights, rightsOf(['admin', 'read']));
}));

test('a regeneration passes its overlap on', () => withKeys(async (server) => {
  const path = '/api/v1/projects/alpha/api-key/regenerate';
  const answer = await server.send('POST', path, { body: '{"overlap_seconds":3600}' });
  assert.deepEqual(JSON.parse(answer.text), { id: 'alpha', api_key: 'skv_p_another', other_keys: [] });
  assert.equal((server.projects.lastChange as { overlapMs?: number } | undefined)?.overlapMs, 3_600_000);
  assert.equal((await server.send('POST', path, { body: '{"overlap_seconds":2592001}' })).status, 400);
}));

test.run();
