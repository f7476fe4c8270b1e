import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { createLogger } from '../../src/base/server-log.js';
import { createReadableForm } from '../../src/base/readable-log.js';
import { suite } from '../suite.js';

const test = suite('readable-log');

const REQUEST = {
  level: 'info',
  time: '2026-11-28T16:05:12.345Z',
  request_id: '0123456789abcdef0123456789abcdef',
  remote: '127.0.0.1',
  method: 'PUT',
  route: '/api/v1/projects/:id/keys/*key',
  status: 200,
  duration_ms: 1.234,
  actor: 'project:p#3f2a9c0d11e8b7a6',
  project: 'p',
  request_bytes: 8,
  response_bytes: 103,
  msg: 'request',
};

/** One line without its colours. */
function show(fields: object): string {
  return stripVTControlCharacters(createReadableForm()(JSON.stringify(fields)));
}

/** Without the time, which is in the local time zone. */
function showRequest(changed: object): string {
  const text = show({ ...REQUEST, ...changed });
  assert.match(text, /^\d\d:\d\d:\d\d\.\d{3} INFO: [^\n]*\n$/);
  return text.slice('00:00:00.000 INFO: '.length, -1);
}

test('a request is one line: status, method, route with its project, duration, caller, address', () => {
  assert.equal(showRequest({}), '200 PUT /api/v1/projects/p/keys/:key 1.2 ms project:p#3f2a… 127.0.0.1');
});

test('a refusal adds its code, a failure its request id, and a disconnected client is marked', () => {
  const refused = { status: 401, actor: null, project: 'none', route: '/api/v1/projects/:id', code: 'unauthorized' };
  assert.equal(showRequest(refused), '401 PUT /api/v1/projects/none 1.2 ms - 127.0.0.1 unauthorized');
  assert.equal(
    showRequest({ status: 503, code: 'log_failed', actor: 'global#3f2a9c0d11e8b7a6' }),
    `503 PUT /api/v1/projects/p/keys/:key 1.2 ms global#3f2a… 127.0.0.1 log_failed ${REQUEST.request_id}`,
  );
  assert.equal(
    showRequest({ status: null, aborted: true, actor: 'anonymous' }),
    '- PUT /api/v1/projects/p/keys/:key 1.2 ms anonymous 127.0.0.1 (client disconnected)',
  );
});

test('a malformed request is one line too', () => {
  const { duration_ms: _duration, ...rest } = REQUEST;
  const raw = { ...rest, method: null, route: null, actor: null, project: null, remote: null, status: 400, code: 'bad_request' };
  assert.match(show(raw), /^\S+ INFO: 400 - - - - - bad_request\n$/);
});

test('any other entry keeps its message and fields, and an error its stack', () => {
  const text = show({ level: 'warn', time: REQUEST.time, project: 'p', free_bytes: 5, msg: 'the disk is full' });
  for (const piece of ['WARN', 'the disk is full', 'project', '"p"', 'free_bytes', '5']) assert.ok(text.includes(piece), text);
  const lines: string[] = [];
  const logger = createLogger({ format: createReadableForm(), destination: { write: (line: string) => void lines.push(line) } });
  logger.error({ err: new Error('it broke'), request_id: 'r1' }, 'Cannot answer a request');
  const shown = lines.join('');
  assert.match(shown, /it broke\n\s+at .*readable-log\.test/);
  assert.match(shown, /r1/);
});

test('no control character of a field, a name or an error reaches the terminal', () => {
  const codes = [...Array.from({ length: 0xa0 }, (_, code) => code), 0x2028, 0x2029, 0x200f, 0x202e, 0x2066];
  const unsafe = codes.filter((code) => code < 0x20 || code > 0x7e).map((code) => String.fromCharCode(code));
  const all = unsafe.join('x');
  const error = { type: `E${all}`, message: all, stack: `E: ${all}\n    at x`, code: all };
  const rows: object[] = [
    { ...REQUEST, project: all, method: all, actor: all, remote: all, route: all, code: all },
    { ...REQUEST, status: 500, request_id: all },
    { level: 'info', time: REQUEST.time, msg: all },
    { level: 'info', time: REQUEST.time, [all]: all, nested: { [all]: [all, { [all]: all }] }, msg: 'm' },
    { level: 'error', time: REQUEST.time, err: error, reason: all, msg: 'm' },
    { ...error, level: 'error', time: REQUEST.time, type: 'Error', msg: all },
    { level: all, time: all, msg: 'm' },
  ];
  for (const row of rows) {
    // The readable form itself has colours; no field may look like one.
    const text = createReadableForm()(JSON.stringify(row)).replaceAll(/\u001b\[\d+m/g, '');
    for (const character of unsafe) assert.ok(character === '\n' || !text.includes(character), `${JSON.stringify(character)}: ${text}`);
  }
});

test.run();
