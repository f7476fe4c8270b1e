import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { codeOf, exchange, statusOf } from './raw-client.js';
import { problemOf, withServer, type TestServer } from './test-server.js';

const test = suite('checks');

/** Sends a head and expects the connection to be closed by "Connection: close". */
async function ask(server: TestServer, head: string): Promise<readonly [number, string | undefined]> {
  const { text } = await exchange(server.port, `${head}Connection: close\r\n\r\n`);
  return [statusOf(text), codeOf(text)];
}

test('HTTP/1.1 with a Host and 1.0 are answered, other versions and 1.1 without one are not', () =>
  withServer(async (server) => {
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.1\r\nHost: x\r\n'), [200, undefined]);
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\nHost: x\r\n'), [200, undefined]);
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\n'), [200, undefined]);
    assert.deepEqual(await ask(server, 'GET http://x/livez HTTP/1.0\r\n'), [200, undefined]);
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\nHost:\r\n'), [400, 'bad_request']);
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\nHost: x\r\nHost: x\r\n'), [400, 'ambiguous_host']);
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.1\r\n'), [400, 'bad_request']);
    for (const version of ['0.9', '2.0', '3.0', '1.2']) {
      const [status] = await ask(server, `GET /livez HTTP/${version}\r\nHost: x\r\n`);
      assert.ok(status === 400 || status === 505, `${version}: ${status}`);
    }
    const { text } = await exchange(server.port, 'GET /livez\r\n\r\n');
    assert.ok([400, 505].includes(statusOf(text)), text);
  }));

test('more headers than allowed are 431, exactly as many are not', () =>
  withServer(async (server) => {
    const headers = (count: number): string => Array.from({ length: count }, (_, index) => `a${index}: 1\r\n`).join('');
    assert.deepEqual(await ask(server, `GET /livez HTTP/1.1\r\nHost: x\r\n${headers(98)}`), [200, undefined]);
    assert.deepEqual(await ask(server, `GET /livez HTTP/1.1\r\nHost: x\r\n${headers(99)}`), [431, 'too_many_headers']);
    assert.deepEqual(await ask(server, `GET /livez HTTP/1.1\r\nHost: x\r\n${headers(1500)}`), [431, 'too_many_headers']);
  }));

test('a repeated, malformed or contradictory Host is refused', () =>
  withServer(async (server) => {
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n'), [400, 'ambiguous_host']);
    for (const host of ['', 'a b', 'a/b', 'u@h', '[::1', 'a:b', '\u00ff'])
      assert.deepEqual(await ask(server, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n`), [400, 'bad_request'], host);
    assert.deepEqual(await ask(server, 'GET http://x:1/livez HTTP/1.1\r\nHost: X:1\r\n'), [200, undefined]);
    assert.deepEqual(await ask(server, 'GET http://y/livez HTTP/1.1\r\nHost: x\r\n'), [400, 'ambiguous_host']);
  }));

test('a malformed target is 400 for every caller', () =>
  withServer(async (server) => {
    for (const target of ['/livez#x', '/%', '/%ff', '/a%C0%80', 'http://u:p@x/livez']) {
      assert.deepEqual(await ask(server, `GET ${target} HTTP/1.1\r\nHost: x\r\n`), [400, 'invalid_target'], target);
    }
    assert.deepEqual(await ask(server, 'GET * HTTP/1.1\r\nHost: x\r\n'), [405, 'method_not_allowed']);
    assert.equal((await ask(server, 'GET livez HTTP/1.1\r\nHost: x\r\n'))[0], 400);
  }));

test('a raw byte beyond ASCII or a control character is refused anywhere in the target', () =>
  withServer(async (server) => {
    const path = '/api/v1/projects/alpha/keys';
    // UTF-8, Latin-1, and bytes that are neither a character nor a part of one.
    for (const bytes of ['\u00c3\u00a9', '\u00e9', '\u00ff\u00fe', '\u00c0\u0080', '\u0080', '\u007f', '\u0001', '\u0000', '\t']) {
      const targets = [`${path}/${bytes}`, `${path}?prefix=${bytes}`, `/livez#${bytes}`, `/${bytes}`, bytes, `http://${bytes}/livez`];
      for (const target of targets) {
        const found = await ask(server, `GET ${target} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${server.globalKey}\r\n`);
        assert.deepEqual(found, [400, 'invalid_target'], JSON.stringify(target));
      }
    }
    assert.equal((await server.send('PUT', `${path}/%C3%A9`, { body: '1' })).status, 201);
  }));

test('a line that ends in LF alone is 400 anywhere in the request, and nothing is changed', () =>
  withServer(async (server) => {
    const head = `PUT /api/v1/projects/alpha/keys/k HTTP/1.1\r\nHost: x\r\nX-API-Key: ${server.globalKey}\r\n`;
    const withLength = `${head}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1`;
    const chunked = `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n1\r\n0\r\nX: y\r\n\r\n`;
    for (const request of [withLength, chunked, 'GET /livez HTTP/1.0\r\n\r\n', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const ends = [...request.matchAll(/\r\n/g)].map(({ index }) => index);
      const broken = ends.map((at) => `${request.slice(0, at)}${request.slice(at + 1)}`);
      for (const text of [...broken, request.replaceAll('\r\n', '\n')]) {
        const answer = await exchange(server.port, text);
        assert.deepEqual([statusOf(answer.text), codeOf(answer.text)], [400, 'bad_request'], JSON.stringify(text));
      }
    }
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
  }));

test('an API key in the query is refused before anything else and never echoed', () =>
  withServer(async (server) => {
    for (const path of [
      `/api/v1/projects?api_key=${server.globalKey}`,
      `/nowhere?x=${server.globalKey}`,
      `/livez?token=${server.globalKey}`,
    ]) {
      const answer = await server.send('GET', path, { key: null });
      assert.equal(problemOf(answer)['code'], 'key_in_url');
      assert.equal(answer.text.includes(server.globalKey), false);
    }
    assert.equal(JSON.stringify(server.lines).includes(server.globalKey), false);
  }));

test('an expectation other than 100-continue is 417', () =>
  withServer(async (server) => {
    for (const value of ['200-ok', '100-continue, x', '100-continues', '']) {
      assert.deepEqual(await ask(server, `GET /livez HTTP/1.1\r\nHost: x\r\nExpect: ${value}\r\n`), [417, 'expectation_failed'], value);
    }
    assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\nHost: x\r\nExpect: 200-ok\r\n'), [200, undefined]);
  }));

test('while a scope is open, only safe hosts are served', () =>
  withServer(
    async (server) => {
      const statusFor = async (host: string): Promise<number> => (await ask(server, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n`))[0];
      assert.equal(await statusFor('evil.example'), 200);
      server.projects.add('open', { authentication: { enabled: false } });
      for (const host of ['localhost', 'LocalHost:23849', '127.0.0.1', '[::1]:1', '192.0.2.1:80', 'good.example:8080'])
        assert.equal(await statusFor(host), 200, host);
      for (const host of ['evil.example', 'localhost.evil.example', 'evil.example:23849', '127.0.0.1.evil.example'])
        assert.equal(await statusFor(host), 421, host);
      assert.deepEqual(await ask(server, 'GET /livez HTTP/1.0\r\n'), [421, 'misdirected_request']);
      assert.deepEqual(await ask(server, 'GET http://localhost/livez HTTP/1.0\r\n'), [421, 'misdirected_request']);
      assert.deepEqual(await ask(server, 'GET /livez HTTP/1.1\r\n'), [400, 'bad_request']);
      const answer = await server.send('GET', '/api/v1/projects/open/keys', { headers: { Host: 'evil.example' } });
      assert.equal(problemOf(answer)['code'], 'misdirected_request');
    },
    { http: { allowedHosts: ['good.example'] } },
  ));

test('headers that override the method or the caller are ignored', () =>
  withServer(async (server) => {
    const headers = {
      'X-HTTP-Method-Override': 'DELETE',
      'X-Original-URL': '/api/v1/projects',
      'X-Forwarded-Host': 'evil',
      'X-Rewrite-URL': '/livez',
    };
    assert.equal((await server.send('GET', '/api/v1/projects/alpha', { headers })).status, 200);
    assert.equal(server.projects.list().length, 2);
  }));

test('everything but the health probes is 503 during startup and shutdown, before routes and credentials', () =>
  withServer(async (server) => {
    for (const [state, code] of [
      ['starting', 'starting'],
      ['stopping', 'shutting_down'],
    ] as const) {
      server.state = state;
      for (const [method, path] of [
        ['GET', '/api/v1/projects'],
        ['GET', '/nowhere'],
        ['PATCH', '/livez/'],
        ['OPTIONS', '/api/v1/projects'],
        ['PUT', '/api/v1/projects/alpha/keys/k'],
      ] as const) {
        const answer = await server.send(method, path, { key: null });
        assert.equal(answer.status, 503);
        assert.equal(problemOf(answer)['code'], code);
        assert.ok(Number(answer.headers['retry-after']) > 0);
      }
      assert.equal((await server.send('GET', '/livez?x=%')).status, 400);
    }
  }));

test('checks come in a fixed order: a request with every fault gets the first, then the next', () =>
  withServer(async (server) => {
    const body = '{';
    const bad = { 'If-Match': 'x', 'Content-Type': 'text/plain' };
    const steps: readonly (readonly [string, string, Record<string, string>, string | null, string])[] = [
      ['PUT', '/api/v1/projects/UP/keys/%00?x=%', bad, null, 'invalid_query'],
      ['PUT', '/api/v1/projects/UP/keyz/%00?x=1', bad, null, 'not_found'],
      ['PATCH', '/api/v1/projects/UP/keys/%00?x=1', bad, null, 'method_not_allowed'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, null, 'unauthorized'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, server.alphaKey, 'forbidden'],
      ['PUT', '/api/v1/projects/UP/keys/%00?x=1', bad, server.globalKey, 'invalid_project_id'],
      ['PUT', '/api/v1/projects/none/keys/%00?x=1', bad, server.globalKey, 'invalid_key'],
      ['PUT', '/api/v1/projects/none/keys/k?x=1', bad, server.globalKey, 'invalid_query'],
      ['PUT', '/api/v1/projects/none/keys/k', bad, server.globalKey, 'project_not_found'],
      ['PUT', '/api/v1/projects/alpha/keys/k', bad, server.globalKey, 'invalid_precondition'],
      ['PUT', '/api/v1/projects/alpha/keys/k', { 'Content-Type': 'text/plain' }, server.globalKey, 'unsupported_media_type'],
      ['PUT', '/api/v1/projects/alpha/keys/k', { 'If-Match': '*' }, server.globalKey, 'invalid_json'],
    ];
    for (const [method, path, headers, key, code] of steps) {
      assert.equal(problemOf(await server.send(method, path, { headers, key, body }))['code'], code, `${method} ${path}`);
    }
  }));

test.run();
