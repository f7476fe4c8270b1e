import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { codeOf, exchange, statusOf } from './raw-client.js';
import { problemOf, withServer } from './test-server.js';

const test = suite('koa-path');
const ALPHA = '/api/v1/projects/alpha';

const ALLOWED = {
  '/': 'GET, HEAD, OPTIONS',
  '/api/v1': 'GET, HEAD, OPTIONS',
  '/livez': 'GET, HEAD, OPTIONS',
  '/readyz': 'GET, HEAD, OPTIONS',
  '/api/v1/projects': 'GET, HEAD, POST, OPTIONS',
  [ALPHA]: 'GET, HEAD, PUT, DELETE, OPTIONS',
  [`${ALPHA}/api-key/regenerate`]: 'POST, OPTIONS',
  [`${ALPHA}/compact`]: 'POST, OPTIONS',
  [`${ALPHA}/keys`]: 'GET, HEAD, DELETE, OPTIONS',
  [`${ALPHA}/keys/a/b`]: 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
};

test('OPTIONS on a route lists its methods, without an API key', () =>
  withServer(async (server) => {
    for (const [path, allowed] of Object.entries(ALLOWED)) {
      const answer = await server.send('OPTIONS', path, { key: null });
      assert.equal(answer.status, 204, path);
      assert.equal(answer.headers['allow'], allowed, path);
    }
  }));

test('an unsupported method on a route is 405 with Allow, before credentials', () =>
  withServer(async (server) => {
    for (const [path, allowed] of Object.entries(ALLOWED)) {
      for (const method of ['PATCH', 'TRACE', 'PROPFIND', 'QUERY', 'POST', 'PUT', 'DELETE', 'GET'].filter(
        (name) => !allowed.includes(name),
      )) {
        const { text } = await exchange(server.port, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.equal(statusOf(text), 405, `${method} ${path}`);
        assert.match(text, new RegExp(`\r\nAllow: ${allowed}\r\n`), `${method} ${path}: ${text}`);
      }
    }
  }));

test('OPTIONS *, CONNECT and unknown methods are 405 with every supported method', () =>
  withServer(async (server) => {
    for (const line of ['OPTIONS *', 'CONNECT evil.example:443', 'FROB /livez', 'get /livez', 'Get /livez']) {
      const { text } = await exchange(server.port, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.deepEqual([statusOf(text), codeOf(text)], [405, 'method_not_allowed'], `${line}: ${text}`);
      assert.match(text, /\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n/, line);
    }
  }));

test('routes are strict and case-sensitive; everything else is 404 for every caller', () =>
  withServer(async (server) => {
    const paths = [
      '/api',
      '/api/v1/',
      '/api/v1/projects/',
      '/API/v1/projects',
      '/api/v1/Projects',
      `${ALPHA}/`,
      `${ALPHA}/keys/`,
      `${ALPHA}/Keys`,
      '//api/v1/projects',
      '/api//v1/projects',
      '/api/v1/projects//keys',
      '/api/v2/projects',
      '/livez/',
      '/Livez',
      '/api/v1/livez',
      '/api%2Fv1/projects',
      '/api/v1/%70rojects',
      `${ALPHA}/compact/`,
      `${ALPHA}/Compact`,
      `${ALPHA}/api-key`,
      `${ALPHA}/api-key/regenerate/`,
      '/api/v1/projects/../projects',
      '/constructor',
      '/__proto__',
      '/favicon.ico',
    ];
    for (const path of paths) {
      for (const key of [null, server.globalKey, 'wrong'])
        assert.equal(problemOf(await server.send('GET', path, { key }))['code'], 'not_found', path);
      assert.equal((await server.send('OPTIONS', path, { key: null })).status, 404, path);
    }
  }));

test('a refused HEAD has the headers of the problem and no body', () =>
  withServer(async (server) => {
    const answer = await server.send('HEAD', '/nowhere');
    assert.equal(answer.status, 404);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.ok(Number(answer.headers['content-length']) > 0);
    assert.equal(answer.bytes.length, 0);
  }));

test.run();
