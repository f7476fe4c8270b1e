import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { withServer } from '../test-server.js';

const test = suite('access-log');
const KEYS = '/api/v1/projects/alpha/keys';

test('each request is one line with its route, caller and sizes, and never its target', () =>
  withServer(async (server) => {
    await server.send('PUT', `${KEYS}/secret-name?`, { body: '"secret"', key: server.alphaKey, headers: { 'X-Request-Id': 'one' } });
    const { level, time: _time, duration_ms: durationMs, actor, ...line } = await server.lineOf('one');
    assert.equal(level, 'info');
    assert.ok(typeof durationMs === 'number' && durationMs > 0);
    assert.match(String(actor), /^project:alpha#[0-9a-f]{16}$/);
    assert.deepEqual(line, {
      request_id: 'one',
      method: 'PUT',
      route: '/api/v1/projects/:id/keys/*key',
      status: 201,
      project: 'alpha',
      request_bytes: 8,
      response_bytes: 103,
      msg: 'request',
    });
    await server.send('GET', '/nowhere/secret?prefix=secret', { headers: { 'X-Request-Id': 'two' } });
    const other = await server.lineOf('two');
    assert.deepEqual(
      [other['route'], other['status'], other['code'], other['actor'], other['project']],
      [null, 404, 'not_found', null, null],
    );
    assert.doesNotMatch(JSON.stringify(server.lines), /secret/);
    assert.equal(server.lines.length, 2);
  }));

test('no key reaches the log, whatever becomes of the request', () =>
  withServer(async (server) => {
    for (const key of [server.globalKey, server.betaKey, `${server.alphaKey}x`]) {
      for (const headers of [
        { Authorization: `Bearer ${key}` },
        { 'X-API-Key': key },
        { Authorization: `Basic ${key}` },
        { Authorization: `Bearer ${key}`, 'X-API-Key': key },
      ]) {
        await server.send('GET', KEYS, { key: null, headers });
      }
      await server.send('GET', `${KEYS}?api_key=${key}`, { key: null });
      await server.send('GET', `/api/v1/projects/${key}`, { key });
    }
    await server.send('GET', KEYS, { headers: { 'X-Request-Id': 'last' } });
    await server.lineOf('last');
    const text = JSON.stringify(server.lines);
    for (const key of [server.globalKey, server.betaKey, server.alphaKey]) assert.equal(text.includes(key), false);
  }));

test('a request id is taken over where it is fit for the log, and made otherwise', () =>
  withServer(async (server) => {
    assert.equal(
      (await server.send('GET', '/livez', { headers: { 'X-Request-Id': 'abc-1:/+=@._' } })).headers['x-request-id'],
      'abc-1:/+=@._',
    );
    for (const id of ['', 'a b', 'x'.repeat(129), '"', 'é', 'a\tb', '<script>']) {
      assert.match(
        String((await server.send('GET', '/livez', { headers: { 'X-Request-Id': id } })).headers['x-request-id']),
        /^[0-9a-f]{32}$/,
        id,
      );
    }
    assert.match(
      String((await server.send('GET', '/livez', { headers: { 'X-Request-Id': ['a', 'b'] } })).headers['x-request-id']),
      /^[0-9a-f]{32}$/,
    );
  }));

test('a streamed answer is counted in bytes', () =>
  withServer(async (server) => {
    const { entries } = server.projects.fakeStore('alpha').values;
    for (let index = 0; index < 3000; index += 1) entries.set(`k${index}`, { value: '"é"'.padEnd(60), seq: 1, timeMs: 0 });
    const answer = await server.send('GET', KEYS, { headers: { 'X-Request-Id': 'list' } });
    assert.equal((await server.lineOf('list'))['response_bytes'], answer.bytes.length);
  }));

test.run();
