import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { addressOfSocket, addressReader, findCredentials } from '../../src/http/access.js';
import { NO_HEADERS, pickHeaders } from '../../src/http/request-headers.js';
import { suite } from '../suite.js';
import { open, statusOf } from './raw-client.js';
import { problemOf, withServer } from './test-server.js';

const test = suite('access');
const ALPHA = '/api/v1/projects/alpha';

test('401 is identical for every kind of wrong API key, whether or not the project exists', () =>
  withServer(async (server) => {
    const wrong = [
      'x',
      generateApiKey('global'),
      generateApiKey('project'),
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

test('403 is identical whether or not the other project exists', () =>
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

test('an API key is checked on open scopes too', () =>
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

test('two credentials are 400, even equal ones', () =>
  withServer(async (server) => {
    for (const headers of [{ 'X-API-Key': server.globalKey }, { 'X-API-Key': '' }])
      assert.equal(problemOf(await server.send('GET', ALPHA, { headers }))['code'], 'ambiguous_credentials');
  }));

test('failures are counted per address, and a valid API key is never slowed down', () =>
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

test('missing API keys and 403 are not counted', () =>
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

test('X-Forwarded-For assigns a failure to another address only behind a trusted proxy', async () => {
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

test('a replaced API key stops working immediately', () =>
  withServer(async (server) => {
    const next = generateApiKey('project');
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(next) });
    assert.equal((await server.send('GET', ALPHA, { key: server.alphaKey })).status, 401);
    assert.equal((await server.send('GET', ALPHA, { key: next })).status, 200);
  }));

function find(...rawHeaders: string[]): unknown {
  return findCredentials(pickHeaders(rawHeaders));
}

test('an API key that was replaced or removed stops working on a connection that has used it', () =>
  withServer(async (server) => {
    const socket = await open(server.port);
    const ask = async (header: string): Promise<number> => {
      const answered = new Promise<string>((resolve) => socket.once('data', (piece: Buffer) => resolve(piece.toString('latin1'))));
      socket.write(`GET ${ALPHA}/keys/k HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}\r\n\r\n`);
      return statusOf(await answered);
    };
    const key = `Authorization: Bearer ${server.alphaKey}`;
    assert.deepEqual([await ask(key), await ask(key)], [404, 404]);
    // The same text in the other header is another credential.
    assert.equal(await ask(`X-API-Key: Bearer ${server.alphaKey}`), 401);
    assert.equal(await ask(key), 404);
    const next = generateApiKey('project');
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(next) });
    assert.deepEqual([await ask(key), await ask(`X-API-Key: ${next}`), await ask(`X-API-Key: ${next}`)], [401, 404, 404]);
    server.keyring.removeProject('alpha');
    assert.equal(await ask(`X-API-Key: ${next}`), 401);
    socket.destroy();
  }));

test('findCredentials() finds the API key in either header', () => {
  assert.deepEqual(findCredentials(NO_HEADERS), { kind: 'none' });
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer '])
    assert.deepEqual(find('Authorization', `${scheme} k`), { kind: 'key', key: 'k' });
  assert.deepEqual(find('X-API-KEY', 'k'), { kind: 'key', key: 'k' });
});

test('findCredentials() decodes an API key beyond ASCII as UTF-8', () => {
  assert.deepEqual(find('X-API-Key', Buffer.from('schlüssel').toString('latin1')), { kind: 'key', key: 'schlüssel' });
  assert.deepEqual(find('X-API-Key', '\u00ff'), { kind: 'key', key: '\u00ff' });
});

test('findCredentials() calls everything else malformed', () => {
  for (const value of ['', 'Bearer', 'Bearer ', 'Basic eDp5', 'k', 'Bearerk', 'Token k'])
    assert.deepEqual(find('Authorization', value), { kind: 'malformed' }, value);
  assert.deepEqual(find('X-API-Key', ''), { kind: 'malformed' });
});

test('findCredentials() refuses two credentials of any kind', () => {
  const pairs = [
    ['Authorization', 'Bearer k'],
    ['authorization', 'Basic k'],
    ['X-API-Key', 'k'],
    ['x-api-key', ''],
  ] as const;
  for (const first of pairs) {
    for (const second of pairs) assert.throws(() => find(...first, 'Accept', '*/*', ...second), { code: 'ambiguous_credentials' });
  }
});

test('pickHeaders() ignores headers named like members of Object.prototype', () => {
  assert.deepEqual(pickHeaders(['__proto__', 'x', 'constructor', 'y', 'HOST', 'z', 'hOsT', 'w']), { ...NO_HEADERS, hosts: ['z', 'w'] });
});

function requestFrom(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

test('addressReader() ignores X-Forwarded-For without trusted proxies', () => {
  assert.equal(addressReader([])(requestFrom('192.0.2.1', '198.51.100.7')), '192.0.2.1');
});

test('addressReader() trusts only the configured proxies', () => {
  const addressOf = addressReader(['127.0.0.1', '10.0.0.0/8']);
  assert.equal(addressOf(requestFrom('127.0.0.1', '198.51.100.7')), '198.51.100.7');
  assert.equal(addressOf(requestFrom('127.0.0.1', '203.0.113.5, 198.51.100.7, 10.1.1.1')), '198.51.100.7');
  assert.equal(addressOf(requestFrom('192.0.2.1', '198.51.100.7')), '192.0.2.1');
});

test('addressReader() falls back to the socket if a proxy forwards garbage', () => {
  const addressOf = addressReader(['127.0.0.1']);
  assert.equal(addressOf(requestFrom('127.0.0.1', '"; drop')), '127.0.0.1');
  assert.equal(addressOf(requestFrom(undefined)), '0.0.0.0');
});

test('an IPv4 address has one name, whatever socket or header it arrives in', () => {
  assert.equal(addressOfSocket({ remoteAddress: '::ffff:192.0.2.1' }), '192.0.2.1');
  assert.equal(addressOfSocket({ remoteAddress: '::ffff:0:1' }), '::ffff:0:1');
  assert.equal(addressReader([])(requestFrom('::ffff:192.0.2.1')), '192.0.2.1');
  assert.equal(addressReader(['127.0.0.1'])(requestFrom('::ffff:127.0.0.1', '::ffff:192.0.2.1')), '192.0.2.1');
});

test('a closed socket has no address', () => {
  assert.equal(addressOfSocket({ remoteAddress: undefined }), null);
  assert.equal(addressOfSocket({}), null);
});

test.run();
