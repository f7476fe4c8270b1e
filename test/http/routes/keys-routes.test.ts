import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { suite } from '../../suite.js';
import { FAKE_TIME_MS } from '../fake-projects.js';
import { problemOf, withServer, type TestServer } from '../test-server.js';

const test = suite('keys-routes');
const KEYS = '/api/v1/projects/alpha/keys';

type SentValue = string | { readonly body: string; readonly headers: Record<string, string> };

function put(server: TestServer, key: string, sent: SentValue): ReturnType<TestServer['send']> {
  const { body, headers } = typeof sent === 'string' ? { body: sent, headers: {} } : sent;
  return server.send('PUT', `${KEYS}/${key}`, { body, headers, key: server.alphaKey });
}

test('PUT and POST answer 201 for a new key and 200 for an existing one, with receipt and ETag', () =>
  withServer(async (server) => {
    for (const [method, status, seq] of [
      ['PUT', 201, 2],
      ['POST', 200, 3],
      ['PUT', 200, 4],
    ] as const) {
      const answer = await server.send(method, `${KEYS}/k`, { body: '1', key: server.alphaKey });
      assert.equal(answer.status, status);
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
      const { hash, ...rest } = JSON.parse(answer.text) as Record<string, unknown>;
      assert.deepEqual(rest, { key: 'k', seq });
      assert.match(String(hash), /^[0-9a-f]{64}$/);
      // The tag is the beginning of the receipt.
      assert.equal(answer.headers.etag, `"${seq}-${String(hash).slice(0, 8)}"`);
      assert.equal((await server.send('GET', `${KEYS}/k`)).headers.etag, answer.headers.etag);
    }
  }));

test('a write that may not be on disk yet says so', () =>
  withServer(async (server) => {
    server.projects.fakeStore('alpha').volatile = true;
    assert.equal((JSON.parse((await put(server, 'k', '1')).text) as Record<string, unknown>)['durable'], false);
    assert.equal((JSON.parse((await server.send('DELETE', KEYS)).text) as Record<string, unknown>)['durable'], false);
  }));

test('a value is returned token for token, on one line', () =>
  withServer(async (server) => {
    const body = '{\r\n "b": 9007199254740993, "a": 1.0, "a": 1e400,\n "10": "\\ud800é😀" }\n';
    await put(server, 'k', body);
    const answer = await server.send('GET', `${KEYS}/k`);
    assert.equal(answer.status, 200);
    assert.equal(answer.text, body.replace(/[\r\n]/g, ''));
    assert.equal(answer.headers['last-modified'], new Date(FAKE_TIME_MS).toUTCString());
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  }));

test('HEAD has the headers of GET and no body', () =>
  withServer(async (server) => {
    await put(server, 'k', '"é"');
    const [got, head] = [await server.send('GET', `${KEYS}/k`), await server.send('HEAD', `${KEYS}/k`)];
    const { date: _date, 'x-request-id': _id, ...expected } = got.headers;
    const { date: _otherDate, 'x-request-id': _otherId, ...actual } = head.headers;
    assert.deepEqual(actual, expected);
    assert.equal(head.headers['content-length'], '4');
    assert.equal(head.bytes.length, 0);
    assert.equal((await server.send('HEAD', `${KEYS}/absent`)).status, 404);
  }));

test('a slash in a key may be sent plain or encoded, and everything is decoded once', () =>
  withServer(async (server) => {
    await put(server, 'a%2Fb', '1');
    assert.equal((await server.send('GET', `${KEYS}/a/b`)).text, '1');
    for (const [sent, key] of [
      ['%252F', '%2F'],
      ['..', '..'],
      ['.', '.'],
      ['%2e%2e/x', '../x'],
      ['/', '/'],
      ['%20+', ' +'],
      ['%F0%9F%98%80', '😀'],
      ['e%CC%81', 'e\u0301'],
      ['%C3%A9', 'é'],
      ['__proto__', '__proto__'],
    ] as const) {
      const answer = await put(server, sent, '2');
      assert.equal(answer.status, 201, sent);
      assert.equal((JSON.parse(answer.text) as { key: string }).key, key);
    }
    assert.equal(server.projects.fakeStore('alpha').values.count, 11);
  }));

test('invalid keys are refused with the reason', () =>
  withServer(async (server) => {
    for (const [key, reason] of [
      ['%00', 'control_character'],
      ['a%0Ab', 'control_character'],
      ['%7F', 'control_character'],
      ['%C2%85', 'control_character'],
      ['x'.repeat(1025), 'too_long'],
      ['%C3%A9'.repeat(513), 'too_long'],
    ] as const) {
      const answer = await put(server, key, '1');
      assert.equal(answer.status, 400);
      const problem = problemOf(answer);
      assert.equal(problem['code'], 'invalid_key');
      assert.equal(problem['reason'], reason);
    }
    assert.equal((await put(server, 'x'.repeat(1024), '1')).status, 201);
    assert.equal((await put(server, '%ff', '1')).status, 400);
    assert.equal(problemOf(await put(server, '', '1'))['code'], 'not_found');
  }));

test('DELETE returns a receipt once and 404 afterwards', () =>
  withServer(async (server) => {
    await put(server, 'k', '1');
    const answer = await server.send('DELETE', `${KEYS}/k`);
    assert.equal(answer.status, 200);
    assert.equal((JSON.parse(answer.text) as { seq: number }).seq, 3);
    assert.equal(problemOf(await server.send('DELETE', `${KEYS}/k`))['code'], 'key_not_found');
    assert.equal(problemOf(await server.send('GET', `${KEYS}/k`))['code'], 'key_not_found');
  }));

test('DELETE of all keys counts them', () =>
  withServer(async (server) => {
    await put(server, 'a', '1');
    await put(server, 'b', '1');
    assert.equal((JSON.parse((await server.send('DELETE', KEYS)).text) as { deleted: number }).deleted, 2);
    assert.equal((JSON.parse((await server.send('DELETE', KEYS)).text) as { deleted: number }).deleted, 0);
  }));

test('if_seq in the query of a write is a precondition too', () =>
  withServer(async (server) => {
    assert.equal((await server.send('PUT', `${KEYS}/k?if_seq=1`, { body: '1' })).status, 412);
    assert.equal((await server.send('PUT', `${KEYS}/k?if_seq=0`, { body: '1' })).status, 201);
    const failed = await server.send('PUT', `${KEYS}/k?if_seq=0`, { body: '2' });
    assert.deepEqual([failed.status, problemOf(failed)['current_seq']], [412, 2]);
    assert.equal(failed.headers.etag, (await server.send('GET', `${KEYS}/k`)).headers.etag);
    assert.equal((await server.send('POST', `${KEYS}/k?if_seq=2`, { body: '3' })).status, 200);
    assert.equal((await server.send('DELETE', `${KEYS}/k?if_seq=2`)).status, 412);
    assert.equal((await server.send('DELETE', `${KEYS}/k?if_seq=3`)).status, 200);
    // The conditions are checked before the body.
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const beside = await server.send(method, `${KEYS}/k?if_seq=1`, { body: '{', headers: { 'If-Match': '*' } });
      assert.equal(problemOf(beside)['code'], 'invalid_precondition', method);
      assert.equal(problemOf(await server.send(method, `${KEYS}/k?if_seq=x`, { body: '{' }))['code'], 'invalid_query', method);
    }
    for (const method of ['GET', 'HEAD']) assert.equal((await server.send(method, `${KEYS}/k?if_seq=1`)).status, 400, method);
  }));

test('a failed precondition is 412 with the current version, without one if the key does not exist', () =>
  withServer(async (server) => {
    const tag = String((await put(server, 'k', '1')).headers.etag);
    const newTag = String((await put(server, 'k', { body: '2', headers: { 'If-Match': tag } })).headers.etag);
    for (const headers of [
      { 'If-Match': tag },
      { 'If-None-Match': '*' },
      { 'If-Match': '"3-ffffffff"' },
      { 'If-Match': '"99-00000000"' },
    ]) {
      const answer = await put(server, 'k', { body: '3', headers });
      assert.equal(answer.status, 412);
      assert.equal(answer.headers.etag, newTag);
      assert.equal(problemOf(answer)['current_seq'], 3);
    }
    for (const method of ['PUT', 'DELETE']) {
      const answer = await server.send(method, `${KEYS}/absent`, {
        headers: { 'If-Match': '*' },
        ...(method === 'PUT' ? { body: '1' } : {}),
      });
      assert.equal(answer.status, 412);
      assert.equal(answer.headers.etag, undefined);
      assert.equal(problemOf(answer)['current_seq'], 0);
    }
    assert.equal((await put(server, 'new', { body: '1', headers: { 'If-None-Match': '*' } })).status, 201);
    assert.equal((await server.send('DELETE', `${KEYS}/k`, { headers: { 'If-Match': newTag } })).status, 200);
  }));

test('unsupported conditions are refused before the body is read', () =>
  withServer(async (server) => {
    for (const headers of [
      { 'If-Match': 'x' },
      { 'If-Match': '"a", "b"' },
      { 'If-Match': 'W/"2-x"' },
      { 'If-None-Match': '"x"' },
      { 'If-Unmodified-Since': 'x' },
    ]) {
      assert.equal(problemOf(await put(server, 'k', { body: '{', headers }))['code'], 'invalid_precondition');
    }
    for (const [method, path] of [
      ['GET', KEYS],
      ['DELETE', KEYS],
      ['GET', '/api/v1/projects/alpha'],
      ['GET', '/api/v1/projects'],
      ['DELETE', '/api/v1/projects/alpha'],
    ] as const) {
      assert.equal(
        problemOf(await server.send(method, path, { headers: { 'If-Match': '*' } }))['code'],
        'invalid_precondition',
        `${method} ${path}`,
      );
    }
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
  }));

test('a client that has the version gets 304 without a body', () =>
  withServer(async (server) => {
    const tag = String((await put(server, 'k', '1')).headers.etag);
    for (const value of [tag, `W/${tag}`, '*']) {
      const answer = await server.send('GET', `${KEYS}/k`, { headers: { 'If-None-Match': value } });
      assert.equal(answer.status, 304);
      assert.equal(answer.headers.etag, tag);
      assert.equal(answer.bytes.length, 0);
    }
    assert.equal((await server.send('HEAD', `${KEYS}/k`, { headers: { 'If-None-Match': tag } })).status, 304);
    assert.equal((await server.send('GET', `${KEYS}/k`, { headers: { 'If-None-Match': '"1-00000000"' } })).status, 200);
    assert.equal((await server.send('GET', `${KEYS}/k`, { headers: { 'If-None-Match': 'x' } })).status, 400);
    assert.equal((await server.send('GET', `${KEYS}/absent`, { headers: { 'If-None-Match': '*' } })).status, 404);
  }));

test('bodies of another type are refused with the type to send', () =>
  withServer(async (server) => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'application/json; version=1',
      'application/json5',
      'json',
      '',
      'application/json;;',
    ]) {
      const problem = problemOf(await put(server, 'k', { body: '1', headers: { 'Content-Type': type } }));
      assert.equal(problem['code'], 'unsupported_media_type', type);
      assert.match(String(problem['detail']), /Content-Type: application\/json/);
    }
    for (const type of ['application/json', 'Application/JSON; Charset="UTF-8"'])
      assert.ok((await put(server, 'k', { body: '1', headers: { 'Content-Type': type } })).status < 300, type);
    for (const encoding of ['gzip', 'br', 'identity, gzip', '']) {
      const problem = problemOf(await put(server, 'k', { body: '1', headers: { 'Content-Encoding': encoding } }));
      assert.equal(problem['code'], 'unsupported_content_encoding');
    }
    assert.equal((await put(server, 'k', { body: '1', headers: { 'Content-Encoding': 'identity' } })).status, 200);
  }));

test('bodies that are empty, not UTF-8 or not JSON are refused with the position', () =>
  withServer(async (server) => {
    assert.equal(
      problemOf(await server.send('PUT', `${KEYS}/k`, { headers: { 'Content-Type': 'application/json' } }))['code'],
      'empty_body',
    );
    const problem = problemOf(await put(server, 'k', '[1,\n 2,]'));
    assert.deepEqual([problem['code'], problem['offset'], problem['line'], problem['column']], ['invalid_json', 7, 2, 4]);
    const bytes = problemOf(await server.send('PUT', `${KEYS}/k`, { body: Buffer.from([0x22, 0xff, 0x22]) }));
    assert.deepEqual([bytes['code'], bytes['offset']], ['invalid_utf8', 1]);
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
  }));

test('a value of the largest size is accepted and one byte more is refused', () =>
  withServer(
    async (server) => {
      assert.equal((await put(server, 'k', `"${'x'.repeat(98)}"`)).status, 201);
      const problem = problemOf(await put(server, 'k', `"${'x'.repeat(99)}"`));
      assert.deepEqual([problem['code'], problem['limit'], problem['actual']], ['body_too_large', 100, 101]);
      const chunked = await server.send('PUT', `${KEYS}/k`, {
        headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
        body: '1',
      });
      assert.equal(chunked.status, 200);
    },
    { http: { valueBytesMax: 100 } },
  ));

test('commands name the caller and the request', () =>
  withServer(async (server) => {
    await put(server, 'k', { body: '1', headers: { 'X-Request-Id': 'my-id' } });
    const [{ context } = { context: undefined }] = server.projects.fakeStore('alpha').submitted;
    assert.match(context?.actor ?? '', /^project:alpha#[0-9a-f]{16}$/);
    assert.equal(context?.requestId, 'my-id');
  }));

test('failures of the store keep their status but not their cause', () =>
  withServer(async (server) => {
    const store = server.projects.fakeStore('alpha');
    for (const [code, status] of [
      ['queue_full', 503],
      ['disk_full', 507],
      ['log_failed', 503],
      ['outcome_unknown', 503],
      ['line_too_large', 413],
    ] as const) {
      store.beforeSubmit = () => {
        throw new AppError(code, 'the reason');
      };
      const answer = await put(server, 'k', '1');
      assert.equal(answer.status, status);
      assert.equal(answer.text.includes('the reason'), status < 500, code);
      assert.equal(answer.headers['retry-after'] !== undefined, status >= 500);
    }
    store.beforeSubmit = () => {
      throw new TypeError('a defect');
    };
    const answer = await put(server, 'k', '1');
    assert.equal(problemOf(answer)['code'], 'internal_error');
    assert.doesNotMatch(answer.text, /defect/);
    assert.ok(server.lines.some((line) => line['level'] === 'error' && JSON.stringify(line).includes('a defect')));
    server.projects.setState('alpha', 'corrupt');
    assert.equal(problemOf(await server.send('GET', `${KEYS}/k`))['code'], 'project_corrupt');
  }));

test('a project that does not exist is 404 to the global API key', () =>
  withServer(async (server) => {
    for (const path of ['/api/v1/projects/none/keys', '/api/v1/projects/none/keys/k', '/api/v1/projects/none']) {
      assert.equal(problemOf(await server.send('GET', path))['code'], 'project_not_found', path);
    }
  }));

test.run();
