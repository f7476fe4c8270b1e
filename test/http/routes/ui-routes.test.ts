import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { suite } from '../../suite.js';
import { codeOf, exchange, statusOf } from '../raw-client.js';
import { problemOf, type TestServer, withServer } from '../test-server.js';

const test = suite('ui-routes');

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'none'; "
  + "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/** What the page loads, as paths. */
async function assetsOf(server: TestServer, page: string): Promise<readonly string[]> {
  const { text } = await server.send('GET', page, { key: null });
  return [...text.matchAll(/(?:src|href)="([^":]+)"/g)]
    .map(([, file = '']) => new URL(file, `http://host${page}`).pathname)
    .filter((path) => path.startsWith('/ui/'));
}

test('the page is served without an API key, with the exact headers that isolate it, and loads nothing from elsewhere', () =>
  withServer(async (server) => {
    const { status, headers, text } = await server.send('GET', '/ui/', { key: null });
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
    assert.equal(headers['content-security-policy'], POLICY);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['cache-control'], 'no-cache');
    assert.doesNotMatch(text.replace(/data:[^"]*/g, ''), /https?:|<style|style=|<script>|onload/);
  }));

test('a file of the page is kept for good, compressed for those who accept that, and names no map', () =>
  withServer(async (server) => {
    const files = await assetsOf(server, '/ui/');
    assert.ok(files.some((file) => /^\/ui\/assets\/app-[\w-]{8}\.js$/.test(file)), files.join(' '));
    assert.ok(files.some((file) => /^\/ui\/assets\/app-[\w-]{8}\.css$/.test(file)), files.join(' '));
    for (const file of files) {
      const plain = await server.send('GET', file, { key: null });
      assert.equal(plain.headers['content-type'], file.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8');
      assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.deepEqual([plain.headers['content-encoding'], plain.headers.vary], [undefined, 'Accept-Encoding']);
      assert.doesNotMatch(plain.text, /sourceMappingURL=\w/);
      const packed = await server.send('GET', file, { key: null, headers: { 'Accept-Encoding': 'br, gzip' } });
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.ok(gunzipSync(packed.bytes).equals(plain.bytes));
      assert.ok(packed.bytes.length < plain.bytes.length);
      for (const encoding of ['gzip;q=0', 'br', 'gzip;q=0.000', 'xgzip', 'identity']) {
        const { headers } = await server.send('GET', file, { key: null, headers: { 'Accept-Encoding': encoding } });
        assert.equal(headers['content-encoding'], undefined, encoding);
      }
    }
  }));

test('a browser that has the page is answered 304, and HEAD is answered', () =>
  withServer(async (server) => {
    const tag = String((await server.send('GET', '/ui/', { key: null })).headers.etag);
    for (const page of ['/ui/', '/ui/projects/alpha', '/ui/projects/alpha/keys']) {
      assert.equal((await server.send('GET', page, { key: null, headers: { 'If-None-Match': tag } })).status, 304);
    }
    const head = await server.send('HEAD', '/ui/', { key: null });
    assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', tag]);
  }));

test('/ui leads to the page, and a path of a project, however deep, is the page with the same files', () =>
  withServer(async (server) => {
    const moved = await server.send('GET', '/ui', { key: null });
    assert.deepEqual([moved.status, moved.headers.location], [308, '/ui/']);
    const files = await assetsOf(server, '/ui/');
    for (const below of ['alpha', 'alpha/', 'alpha/keys', 'alpha/keys/user%2F1/a//b', `alpha${'/deeper'.repeat(500)}`]) {
      assert.deepEqual(await assetsOf(server, `/ui/projects/${below}`), files, below);
    }
  }));

test('other files are not there, and only GET and HEAD work', () =>
  withServer(async (server) => {
    const [file = ''] = await assetsOf(server, '/ui/');
    const strays = [
      '/ui/none', '/ui/index.html', '/ui/assets/none.js', `${file}.gz`, '/ui/assets/..%2Findex.html', '/ui/assets/', '/ui/projects/',
    ];
    for (const path of strays) {
      assert.equal(problemOf(await server.send('GET', path, { key: null }))['code'], 'not_found', path);
    }
    for (const path of ['/ui/', '/ui', file]) assert.equal((await server.send('POST', path, { key: null })).status, 405, path);
  }));

test('the page follows the rule of Host while a scope is open', () =>
  withServer(async (server) => {
    server.projects.add('open', { authentication: { enabled: false } });
    for (const path of ['/ui/', '/ui', '/ui/assets/none.js']) {
      const { text } = await exchange(server.port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      assert.deepEqual([statusOf(text), codeOf(text)], [421, 'misdirected_request'], path);
    }
  }));

test('switched off, nothing of it is there', () =>
  withServer(async (server) => {
    for (const path of ['/ui', '/ui/', '/ui/projects/alpha', '/ui/projects/alpha/keys', '/ui/assets/app.js']) {
      assert.equal((await server.send('GET', path, { key: null })).status, 404, path);
    }
  }, { http: { uiEnabled: false } }));

test.run();
