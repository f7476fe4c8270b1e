import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { exchange } from './raw-client.js';
import { withServer, type TestServer } from './test-server.js';

const test = suite('access-log');
const KEYS = '/api/v1/projects/alpha/keys';

test('each request is one line with its route, caller and sizes, without its target', () =>
  withServer(async (server) => {
    await server.send('PUT', `${KEYS}/secret-name?`, { body: '"secret"', key: server.alphaKey, headers: { 'X-Request-Id': 'one' } });
    const { level, time: _time, duration_ms: durationMs, actor, ...line } = await server.lineOf('one');
    assert.equal(level, 'info');
    assert.ok(typeof durationMs === 'number' && durationMs > 0);
    assert.match(String(actor), /^project:alpha#[0-9a-f]{16}$/);
    assert.deepEqual(line, {
      request_id: 'one',
      remote: '127.0.0.1',
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

test('no API key reaches the log, whatever the outcome of the request', () =>
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

test('a valid request id is accepted, any other is replaced', () =>
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

/** Waits for a line without a known request id. */
async function lineWhere(server: TestServer, isIt: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const line = server.lines.find(isIt);
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`No such line was logged: ${JSON.stringify(server.lines)}`);
}

test('a line has the address of the client; behind trusted proxies, the forwarded one', async () => {
  const rows = [
    { trustedProxies: [], forwarded: '192.0.2.7', remote: '127.0.0.1' },
    { trustedProxies: ['127.0.0.1'], forwarded: '192.0.2.7', remote: '192.0.2.7' },
    { trustedProxies: ['127.0.0.1'], forwarded: '203.0.113.9, 192.0.2.7', remote: '192.0.2.7' },
    { trustedProxies: ['127.0.0.1', '192.0.2.0/24'], forwarded: '203.0.113.9, 192.0.2.7', remote: '203.0.113.9' },
    { trustedProxies: ['127.0.0.1'], forwarded: '2001:db8::1', remote: '2001:db8::1' },
    { trustedProxies: ['127.0.0.1'], forwarded: 'evil\\u001b[31m', remote: '127.0.0.1' },
  ];
  for (const { trustedProxies, forwarded, remote } of rows) {
    await withServer(async (server) => {
      await server.send('GET', KEYS, { headers: { 'X-Request-Id': 'r', 'X-Forwarded-For': forwarded } });
      assert.equal((await server.lineOf('r'))['remote'], remote, forwarded);
    }, { http: { trustedProxies } });
  }
});

test('a refused request is logged with its project, whether or not it exists', () =>
  withServer(async (server) => {
    const rows = [
      ['alpha/keys', 'alpha'], ['none/keys/k', 'none'], ['none', 'none'], ['UPPER/keys', null], ['%6eone', 'none'], ['a%0ab/keys', null],
    ] as const;
    for (const key of [null, 'wrong', server.betaKey]) {
      for (const [path, project] of rows) {
        const requestId = `${String(key === null)}-${path.replace('%', '')}-${server.lines.length}`;
        const { status } = await server.send('GET', `/api/v1/projects/${path}`, { key, headers: { 'X-Request-Id': requestId } });
        assert.ok(status === 401 || status === 403, String(status));
        const line = await server.lineOf(requestId);
        assert.deepEqual([line['status'], line['project'], line['remote']], [status, project, '127.0.0.1'], path);
      }
    }
  }));

test('a malformed request is logged with its address too', () =>
  withServer(async (server) => {
    for (const [bytes, code] of [
      ['rubbish\r\n\r\n', 'bad_request'],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 'headers_too_large'],
      ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'method_not_allowed'],
    ] as const) {
      await exchange(server.port, bytes);
      const line = await lineWhere(server, (each) => each['code'] === code);
      assert.deepEqual([line['msg'], line['remote'], line['route']], ['request', '127.0.0.1', null], code);
    }
  }));

test('an address that reaches the limit is logged once, not for each request', () =>
  withServer(async (server) => {
    for (let attempt = 0; attempt < 10; attempt += 1) await server.send('GET', `/api/v1/projects/none/keys`, { key: 'wrong' });
    await server.send('GET', KEYS, { headers: { 'X-Request-Id': 'last' } });
    await server.lineOf('last');
    const warnings = server.lines.filter(({ level }) => level === 'warn');
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    assert.deepEqual([warnings[0]?.['remote'], warnings[0]?.['project']], ['127.0.0.1', 'none']);
  }, { failuresPerMinute: 3 }));

test('a streamed answer is counted in bytes', () =>
  withServer(async (server) => {
    const { entries } = server.projects.fakeStore('alpha').values;
    const entry = { value: '"é"'.padEnd(60), seq: 1, tag: 0, timeMs: 0, expiresAtMs: null };
    for (let index = 0; index < 3000; index += 1) entries.set(`k${index}`, entry);
    const answer = await server.send('GET', KEYS, { headers: { 'X-Request-Id': 'list' } });
    assert.equal((await server.lineOf('list'))['response_bytes'], answer.bytes.length);
  }));

test.run();
