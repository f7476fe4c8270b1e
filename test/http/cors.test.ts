/** Cross-origin requests: which pages may read answers, and the answers to preflights. */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { exchange } from './raw-client.js';
import { type Answer, problemOf, withServer, type TestServer } from './test-server.js';

const test = suite('cors');

const APP = 'https://app.example.com';
const LISTED = { http: { allowedOrigins: [APP, 'http://localhost:3000'] } };
const ANY = { http: { allowedOrigins: ['*'] } };
const KEY = '/api/v1/projects/alpha/keys/k';

/** The headers of an answer that are for web pages. */
function corsOf({ headers }: Answer): readonly (string | undefined)[] {
  const { 'access-control-allow-origin': allowed, 'access-control-expose-headers': exposed, vary } = headers;
  assert.equal(headers['access-control-allow-credentials'], undefined);
  assert.equal(exposed !== undefined, allowed !== undefined);
  return [allowed, vary];
}

function preflight(server: TestServer, path: string, { origin = APP, method = 'PUT' } = {}): Promise<Answer> {
  const headers = { Origin: origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'authorization' };
  return server.send('OPTIONS', path, { key: null, headers });
}

/** Requests that are answered by every part of the server. */
const REQUESTS: readonly (readonly [method: string, path: string, status: number, body?: string])[] = [
  ['PUT', KEY, 201, '1'], ['GET', KEY, 200], ['HEAD', KEY, 200], ['DELETE', KEY, 200], ['GET', KEY, 404], ['PUT', KEY, 400, '{'],
  ['GET', '/api/v1/projects/alpha/keys', 200], ['GET', '/api/v1/projects/alpha', 200], ['GET', '/livez', 200], ['GET', '/nowhere', 404],
  ['PATCH', KEY, 405], ['OPTIONS', KEY, 204], ['GET', '/%', 400], ['GET', '/api/v1/projects?x=1', 400],
];

test('without allowed origins no answer has a header for web pages', () =>
  withServer(async (server) => {
    for (const [method, path, status, body] of REQUESTS) {
      const answer = await server.send(method, path, { headers: { Origin: APP }, ...(body === undefined ? {} : { body }) });
      assert.deepEqual([answer.status, ...corsOf(answer)], [status, undefined, undefined], `${method} ${path}`);
    }
    const answer = await preflight(server, KEY);
    assert.equal(answer.headers['access-control-allow-methods'], undefined);
    assert.deepEqual([answer.status, ...corsOf(answer)], [204, undefined, undefined]);
  }));

for (const hotPath of [true, false]) {
  test(`every answer names an allowed origin and varies by it, ${hotPath ? 'on the hot path' : 'through Koa'}`, () =>
    withServer(async (server) => {
      for (const origin of [APP, 'http://localhost:3000']) {
        for (const [method, path, status, body] of REQUESTS) {
          const answer = await server.send(method, path, { headers: { Origin: origin }, ...(body === undefined ? {} : { body }) });
          assert.deepEqual([answer.status, ...corsOf(answer)], [status, origin, 'Origin'], `${method} ${path}`);
        }
      }
      const anonymous = await server.send('GET', KEY, { key: null, headers: { Origin: APP } });
      assert.deepEqual([anonymous.status, ...corsOf(anonymous)], [401, APP, 'Origin']);
      const exposed = String(anonymous.headers['access-control-expose-headers']).split(', ');
      const named = ['etag', 'link', 'location', 'retry-after', 'x-request-id', 'simplekv-log-id', 'simplekv-prev'];
      for (const name of named) assert.ok(exposed.includes(name), name);
    }, { ...LISTED, hotPath }));
}

test('an origin that is not in the list gets the same answers, varied and without permission', () =>
  withServer(async (server) => {
    const origins = [
      'https://evil.example', 'null', '*', 'HTTPS://app.example.com', `${APP}:443`, `${APP}/`, `${APP} x`, `${APP}, ${APP}`, '',
    ];
    for (const origin of origins) {
      for (const [method, path, status, body] of REQUESTS) {
        const answer = await server.send(method, path, { headers: { Origin: origin }, ...(body === undefined ? {} : { body }) });
        assert.deepEqual([answer.status, ...corsOf(answer)], [status, undefined, 'Origin'], `${method} ${path} from "${origin}"`);
      }
    }
    assert.deepEqual(corsOf(await server.send('GET', '/livez')), [undefined, 'Origin']);
    assert.deepEqual(corsOf(await server.send('GET', '/livez', { headers: { Origin: [APP, APP] } })), [undefined, 'Origin']);
  }, LISTED));

test('"*" allows every origin', () =>
  withServer(async (server) => {
    for (const origin of [APP, 'null', 'https://evil.example']) {
      assert.deepEqual(corsOf(await server.send('GET', '/livez', { headers: { Origin: origin } })), ['*', 'Origin']);
    }
    assert.deepEqual(corsOf(await server.send('GET', '/livez')), [undefined, 'Origin']);
  }, ANY));

test('a preflight is answered with the methods of the path, before any API key is asked for', () =>
  withServer(async (server) => {
    const table: readonly (readonly [string, string])[] = [
      [KEY, 'GET, HEAD, POST, PUT, DELETE, OPTIONS'],
      ['/api/v1/projects/none/keys/a/b', 'GET, HEAD, POST, PUT, DELETE, OPTIONS'],
      ['/api/v1/projects/alpha/keys', 'GET, HEAD, DELETE, OPTIONS'],
      ['/api/v1/projects/alpha/read', 'POST, OPTIONS'],
      ['/api/v1/projects', 'GET, HEAD, POST, OPTIONS'],
      ['/livez', 'GET, HEAD, OPTIONS'],
    ];
    for (const [path, methods] of table) {
      const answer = await preflight(server, path);
      assert.deepEqual([answer.status, answer.bytes.length, ...corsOf(answer)], [204, 0, APP, 'Origin'], path);
      assert.equal(answer.headers['access-control-allow-methods'], methods);
      assert.equal(answer.headers['access-control-max-age'], '600');
      const allowed = String(answer.headers['access-control-allow-headers']).split(', ');
      for (const name of ['authorization', 'x-api-key', 'content-type', 'if-match']) assert.ok(allowed.includes(name), name);
    }
    // A web page learns nothing from a path that is no route.
    const unknown = await preflight(server, '/nowhere');
    assert.deepEqual([unknown.status, problemOf(unknown)['code'], ...corsOf(unknown)], [404, 'not_found', APP, 'Origin']);
    assert.equal(unknown.headers['access-control-allow-methods'], undefined);
    assert.equal((await preflight(server, KEY, { method: 'PATCH' })).headers['access-control-allow-methods'], table[0]?.[1]);
    const refused = await preflight(server, KEY, { origin: 'https://evil.example' });
    assert.deepEqual([refused.status, ...corsOf(refused)], [204, undefined, 'Origin']);
    assert.equal(refused.headers['access-control-allow-methods'], undefined);
    server.state = 'starting';
    assert.equal((await preflight(server, KEY)).status, 204);
    const early = await server.send('GET', KEY, { headers: { Origin: APP } });
    assert.deepEqual([early.status, ...corsOf(early)], [503, APP, 'Origin']);
  }, LISTED));

test('entries vary by the accepted type too', () =>
  withServer(async (server) => {
    const path = '/api/v1/projects/alpha/keys?values=entries';
    for (const [accept, status] of [['*/*', 200], ['text/html', 406]] as const) {
      const answer = await server.send('GET', path, { headers: { Origin: APP, Accept: accept } });
      assert.deepEqual([answer.status, ...corsOf(answer)], [status, APP, 'Accept, Origin']);
    }
  }, LISTED));

test('answers to what is not HTTP vary by the origin too', () =>
  withServer(async (server) => {
    const requests = ['rubbish\r\n\r\n', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
      `PUT ${KEY} HTTP/1.1\r\nHost: x\r\nOrigin: ${APP}\r\nX-API-Key: ${server.globalKey}\r\nContent-Type: application/json\r\n`
      + 'Transfer-Encoding: chunked\r\n\r\nzz\r\n'];
    for (const request of requests) {
      const { text } = await exchange(server.port, request);
      assert.match(text, /^HTTP\/1\.1 40[05] [^]*\r\nVary: Origin\r\n/, text);
      assert.equal(text.includes(`Access-Control-Allow-Origin: ${APP}`), request.includes('Origin'), text);
    }
  }, LISTED));

test('a change on an open scope is accepted from a page of an allowed origin, and of no other', () =>
  withServer(async (server) => {
    server.projects.add('open', { authentication: { enabled: false } });
    const put = (origin: string): Promise<Answer> => {
      const headers = { Origin: origin, 'Sec-Fetch-Site': 'cross-site' };
      return server.send('PUT', '/api/v1/projects/open/keys/k', { key: null, headers, body: '1' });
    };
    assert.equal((await put(APP)).status, 201);
    for (const origin of ['https://evil.example', 'null', `${APP}:444`]) {
      const answer = await put(origin);
      assert.deepEqual([answer.status, problemOf(answer)['code'], ...corsOf(answer)], [403, 'cross_site_request', undefined, 'Origin']);
    }
  }, LISTED));

test('while every origin is allowed, no scope can be opened', () =>
  withServer(async (server) => {
    const open = { authentication: { enabled: false } };
    const refusals = [
      await server.send('POST', '/api/v1/projects', { body: JSON.stringify({ id: 'made', ...open }) }),
      await server.send('PUT', '/api/v1/projects/alpha', { body: JSON.stringify(open) }),
    ];
    for (const answer of refusals) {
      const { code, pointer, expected } = problemOf(answer);
      assert.deepEqual([answer.status, code, pointer], [400, 'invalid_settings', '/authentication/enabled']);
      assert.match(String(expected), /^true while "allowed_origins" has "\*"/);
    }
    assert.equal(server.projects.lastChange, undefined);
    const closed = JSON.stringify({ authentication: { enabled: true } });
    assert.equal((await server.send('PUT', '/api/v1/projects/alpha', { body: closed })).status, 200);
    // Whether a caller may, is decided first.
    assert.equal((await server.send('PUT', '/api/v1/projects/alpha', { key: server.betaKey, body: JSON.stringify(open) })).status, 403);
  }, ANY));

test('while only some origins are allowed, scopes can be opened', () =>
  withServer(async (server) => {
    const body = JSON.stringify({ authentication: { enabled: false } });
    assert.equal((await server.send('PUT', '/api/v1/projects/alpha', { body })).status, 200);
  }, LISTED));

test.run();
