import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { codeOf, exchange, statusOf } from '../raw-client.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('root-routes');
const PATHS = ['/', '/api/v1'];

test('the root names the program and its links, with GET and HEAD, without an API key', () =>
  withServer(async (server) => {
    server.projects.add('hidden');
    for (const path of PATHS) {
      const answer = await server.send('GET', path, { key: null });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
      assert.deepEqual(JSON.parse(answer.text), {
        name: 'simplekv',
        version: '1.2.3-test',
        links: { projects: '/api/v1/projects', livez: '/livez', readyz: '/readyz', openapi: '/api/v1/openapi.json', docs: '/docs/' },
        documentation: 'docs/http-api.md of the package',
      });
      const head = await server.send('HEAD', path, { key: null });
      assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', answer.headers['content-length']]);
    }
  }));

test('every link of the root leads to a route', () =>
  withServer(async (server) => {
    const { links } = JSON.parse((await server.send('GET', '/', { key: null })).text) as { links: Record<string, string> };
    for (const link of Object.values(links)) assert.equal((await server.send('GET', link)).status, 200, link);
  }));

test('the root accepts no query and no other method', () =>
  withServer(async (server) => {
    for (const path of PATHS) {
      assert.equal(problemOf(await server.send('GET', `${path}?a=1`, { key: null }))['code'], 'invalid_query');
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await server.send(method, path, { key: null });
        assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, HEAD, OPTIONS'], `${method} ${path}`);
      }
    }
    assert.equal((await server.send('GET', '/api/v1/')).status, 404);
  }));

test('the root follows the rules of every route: Host while a scope is open, and 503 during startup', () =>
  withServer(async (server) => {
    server.state = 'starting';
    assert.equal(problemOf(await server.send('GET', '/', { key: null }))['code'], 'starting');
    server.state = 'serving';
    server.projects.add('open', { authentication: { enabled: false } });
    const { text } = await exchange(server.port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    assert.deepEqual([statusOf(text), codeOf(text)], [421, 'misdirected_request']);
  }));

test.run();
