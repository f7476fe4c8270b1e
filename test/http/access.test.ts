import assert from 'node:assert/strict';
import { generateAccessKey } from '../../src/auth/access-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { suite } from '../suite.js';
import { problemOf, withServer } from './test-server.js';

const test = suite('access');
const ALPHA = '/api/v1/projects/alpha';

test('401 is the same answer for every kind of wrong key and whether or not the project exists', () =>
  withServer(async (server) => {
    const wrong = [
      'x',
      generateAccessKey('global'),
      generateAccessKey('project'),
      `${server.globalKey}x`,
      server.globalKey.slice(0, -1),
      'x'.repeat(600),
      '😀',
    ];
    const sent = [
      { key: null },
      ...wrong.map((key) => ({ key: null, headers: { 'X-API-Key': Buffer.from(key).toString('latin1') } })),
      { key: null, headers: { Authorization: 'Basic eDp5' } },
    ];
    const bodies = new Set<string>();
    for (const path of [ALPHA, '/api/v1/projects/none', '/api/v1/projects', `${ALPHA}/keys`, '/api/v1/projects/none/keys/k']) {
      for (const each of sent) {
        const answer = await server.send('GET', path, each);
        assert.equal(answer.status, 401);
        assert.equal(answer.headers['www-authenticate'], 'Bearer realm="simplekv"');
        const { request_id: _id, ...body } = problemOf(answer);
        bodies.add(JSON.stringify(body));
      }
    }
    assert.equal(bodies.size, 1);
  }));

test('403 is the same answer whether or not the other project exists', () =>
  withServer(async (server) => {
    server.projects.add('open', { authentication: { enabled: false } });
    const bodies = new Set<string>();
    for (const path of ['beta', 'none', 'open', 'UPPER', 'beta/keys', 'none/keys/k', 'open/keys/k']) {
      const answer = await server.send('GET', `/api/v1/projects/${path}`, { key: server.alphaKey });
      assert.equal(answer.status, 403, path);
      const { request_id: _id, ...body } = problemOf(answer);
      bodies.add(JSON.stringify(body));
    }
    assert.equal(bodies.size, 1);
  }));

test('a key that is sent is checked on open scopes too', () =>
  withServer(
    async (server) => {
      server.projects.add('open', { authentication: { enabled: false } });
      for (const path of ['/api/v1/projects', '/api/v1/projects/open', '/api/v1/projects/open/keys']) {
        assert.equal((await server.send('GET', path, { key: null })).status, 200, path);
        assert.equal((await server.send('GET', path, { key: 'wrong' })).status, 401, path);
        assert.equal((await server.send('GET', path, { key: null, headers: { Authorization: 'Basic eDp5' } })).status, 401, path);
      }
    },
    { globalOpen: true },
  ));

test('two credentials are 400, equal ones too', () =>
  withServer(async (server) => {
    for (const headers of [{ 'X-API-Key': server.globalKey }, { 'X-API-Key': '' }])
      assert.equal(problemOf(await server.send('GET', ALPHA, { headers }))['code'], 'ambiguous_credentials');
  }));

test('failures are counted by address, and a valid key is never slowed down', () =>
  withServer(
    async (server) => {
      for (let attempt = 0; attempt < 5; attempt += 1) assert.equal((await server.send('GET', ALPHA, { key: 'wrong' })).status, 401);
      const answer = await server.send('GET', ALPHA, { key: 'wrong' });
      assert.equal(problemOf(answer)['code'], 'too_many_failed_keys');
      assert.ok(Number(answer.headers['retry-after']) >= 1 && Number(answer.headers['retry-after']) <= 60);
      assert.equal((await server.send('GET', ALPHA)).status, 200);
      assert.equal((await server.send('GET', ALPHA, { key: null })).status, 401);
      assert.equal((await server.send('GET', '/api/v1/projects/beta', { key: server.alphaKey })).status, 403);
    },
    { failuresPerMinute: 5 },
  ));

test('missing keys and 403 are not counted', () =>
  withServer(
    async (server) => {
      for (let attempt = 0; attempt < 5; attempt += 1) {
        assert.equal((await server.send('GET', ALPHA, { key: null })).status, 401);
        assert.equal((await server.send('GET', '/api/v1/projects', { key: server.alphaKey })).status, 403);
      }
      assert.equal((await server.send('GET', ALPHA, { key: 'wrong' })).status, 401);
    },
    { failuresPerMinute: 2 },
  ));

test('X-Forwarded-For moves a failure to another address only behind a trusted proxy', async () => {
  for (const trustedProxies of [[], ['127.0.0.1']]) {
    await withServer(
      async (server) => {
        const statuses: number[] = [];
        for (let attempt = 0; attempt < 3; attempt += 1) {
          const headers = { 'X-Forwarded-For': `192.0.2.${attempt}` };
          statuses.push((await server.send('GET', ALPHA, { key: 'wrong', headers })).status);
        }
        assert.deepEqual(statuses, trustedProxies.length === 0 ? [401, 429, 429] : [401, 401, 401]);
      },
      { failuresPerMinute: 1, http: { trustedProxies } },
    );
  }
});

test('a key that was replaced stops working at once', () =>
  withServer(async (server) => {
    const next = generateAccessKey('project');
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(next) });
    assert.equal((await server.send('GET', ALPHA, { key: server.alphaKey })).status, 401);
    assert.equal((await server.send('GET', ALPHA, { key: next })).status, 200);
  }));

test.run();
