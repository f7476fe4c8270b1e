import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('docs-routes');

test('the page and its files are served without an API key, and load nothing from elsewhere', () =>
  withServer(async (server) => {
    const { status, headers, text } = await server.send('GET', '/docs/', { key: null });
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
    const policy = String(headers['content-security-policy']);
    assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), policy);
    assert.doesNotMatch(policy, /unsafe|https?:/);
    assert.doesNotMatch(text, /https?:|<style|style=|<script>|onload/);
    const files = [...text.matchAll(/(?:src|href)="([^":]+)"/g)].map(([, file]) => file ?? '');
    assert.deepEqual(files, ['swagger-ui.css', '../api/v1/openapi.json', 'swagger-ui-bundle.js', 'docs.js']);
    for (const file of files) {
      const found = await server.send('GET', new URL(file, 'http://host/docs/').pathname, { key: null });
      assert.equal(found.status, 200, file);
      assert.doesNotMatch(found.text, /sourceMappingURL=\w/, file);
    }
    const script = (await server.send('GET', '/docs/docs.js', { key: null })).text;
    assert.match(script, /persistAuthorization: false/);
    assert.match(script, /validatorUrl: null/);
  }));

test('a browser that has a file is answered 304', () =>
  withServer(async (server) => {
    for (const path of ['/docs/', '/docs/swagger-ui.css']) {
      const tag = String((await server.send('GET', path, { key: null })).headers.etag);
      assert.equal((await server.send('GET', path, { key: null, headers: { 'If-None-Match': tag } })).status, 304, path);
    }
  }));

test('/docs leads to the page, and other files are not there', () =>
  withServer(async (server) => {
    assert.equal((await server.send('GET', '/docs', { key: null })).headers.location, '/docs/');
    for (const path of ['/docs/none.js', '/docs/..%2Fpackage.json', '/docs/NOTICE', '/docs/a/b']) {
      assert.equal(problemOf(await server.send('GET', path, { key: null }))['code'], 'not_found', path);
    }
  }));

test('switched off, the page is not there, and the root does not name it', () =>
  withServer(async (server) => {
    for (const path of ['/docs', '/docs/', '/docs/docs.js', '/docs/swagger-ui.css']) {
      assert.equal((await server.send('GET', path, { key: null })).status, 404, path);
    }
    assert.ok(!(await server.send('GET', '/', { key: null })).text.includes('/docs/'));
  }, { http: { docsEnabled: false } }));

test.run();
