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
        links: {
          projects: '/api/v1/projects', livez: '/livez', readyz: '/readyz', openapi: '/api/v1/openapi.json', docs: '/docs/', ui: '/ui/',
        },
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

const BROWSER_ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

test('the root leads a browser to the web UI, and a program to its links', () =>
  withServer(async (server) => {
    const ask = (accept: string) => server.send('GET', '/', { key: null, headers: { Accept: accept } });
    const browser = await ask(BROWSER_ACCEPT);
    assert.deepEqual([browser.status, browser.headers.location, browser.headers.vary], [303, '/ui/', 'Accept']);
    for (const accept of ['*/*', 'application/json', 'application/json, text/html', 'text/html;q=0.5, application/json', 'text/html;q=0']) {
      const { status, headers } = await ask(accept);
      assert.deepEqual([status, headers.vary], [200, 'Accept'], accept);
    }
    const index = await server.send('GET', '/api/v1', { key: null, headers: { Accept: BROWSER_ACCEPT } });
    assert.equal(index.status, 200);
  }));

test('without the web UI, the root answers a browser as it answers a program', () =>
  withServer(async (server) => {
    const answer = await server.send('GET', '/', { key: null, headers: { Accept: BROWSER_ACCEPT } });
    assert.equal(answer.status, 200);
    assert.ok(!answer.text.includes('/ui/'));
  }, { http: { uiEnabled: false } }));

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
