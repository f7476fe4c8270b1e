import assert from 'node:assert/strict';
import { makeOpenApi } from '../../../src/api/openapi.js';
import { ROUTES } from '../../../src/api/routes.js';
import { suite } from '../../suite.js';
import { problemOf, withServer } from '../test-server.js';

const test = suite('openapi-routes');
const PATH = '/api/v1/openapi.json';

test('the document of the API is sent without an API key, with a tag that names it', () =>
  withServer(async (server) => {
    const { status, headers, text } = await server.send('GET', PATH, { key: null });
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(makeOpenApi(ROUTES, '1.2.3-test'))));
    assert.deepEqual([headers['content-type'], headers['cache-control']], ['application/json; charset=utf-8', 'no-cache']);
    assert.match(String(headers.etag), /^"[0-9a-f]{16}"$/);
    const head = await server.send('HEAD', PATH, { key: null });
    assert.deepEqual([head.status, head.text, head.headers.etag], [200, '', headers.etag]);
    assert.equal(head.headers['content-length'], String(Buffer.byteLength(text)));
  }));

test('a client that has the document is answered 304', () =>
  withServer(async (server) => {
    const tag = String((await server.send('GET', PATH)).headers.etag);
    for (const known of [tag, `W/${tag}`, '*']) {
      const answer = await server.send('GET', PATH, { key: null, headers: { 'If-None-Match': known } });
      assert.deepEqual([answer.status, answer.text, answer.headers.etag], [304, '', tag], known);
    }
    assert.equal((await server.send('GET', PATH, { headers: { 'If-None-Match': '"0123456789abcdef"' } })).status, 200);
    const wrong = await server.send('GET', PATH, { headers: { 'If-None-Match': 'x' } });
    assert.equal(problemOf(wrong)['code'], 'invalid_precondition');
  }));

test('/openapi.json leads to the document', () =>
  withServer(async (server) => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, text } = await server.send(method, '/openapi.json', { key: null });
      assert.deepEqual([status, headers.location, text], [308, PATH, ''], method);
    }
  }));

test.run();
