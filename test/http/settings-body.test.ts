import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { suite } from '../suite.js';
import { problemOf, withServer } from './test-server.js';

const test = suite('settings-body');
const PROJECTS = '/api/v1/projects';

test('a settings body of another type is refused before it is parsed', () =>
  withServer(async (server) => {
    const table = [
      [{ 'Content-Type': 'text/plain' }, 'unsupported_media_type'],
      [{ 'Content-Type': 'application/x-www-form-urlencoded' }, 'unsupported_media_type'],
      [{ 'Content-Type': 'application/vnd.api+json' }, 'unsupported_media_type'],
      [{ 'Content-Encoding': 'gzip' }, 'unsupported_content_encoding'],
      [{ 'Content-Encoding': 'deflate' }, 'unsupported_content_encoding'],
    ] as const;
    for (const [headers, code] of table) {
      const answer = await server.send('POST', PROJECTS, { body: gzipSync('{"id":"new"}'), headers });
      assert.equal(problemOf(answer)['code'], code);
    }
  }));

test('a settings body that is empty, not UTF-8 or not JSON is refused with the position', () =>
  withServer(async (server) => {
    const table: readonly (readonly [string | Buffer, string, number | undefined])[] = [
      ['', 'empty_body', undefined],
      ['{"id":"new"', 'invalid_json', 11],
      ['{"id":"new",}', 'invalid_json', 12],
      ['\ufeff{"id":"new"}', 'invalid_json', 0],
      [Buffer.from('{"id":"new","storage":{"durability":"\u00ff","durability":"fsync"}}', 'latin1'), 'invalid_utf8', 37],
      [Buffer.from('\u00ff', 'latin1'), 'invalid_utf8', 0],
      [' ', 'invalid_json', 1],
    ];
    for (const [body, code, offset] of table) {
      const problem = problemOf(await server.send('POST', PROJECTS, { body }));
      assert.deepEqual([problem['code'], problem['offset']], [code, offset], String(body));
    }
    assert.equal(server.projects.lastChange, undefined);
  }));

test('a member that would replace a prototype is refused', () =>
  withServer(async (server) => {
    for (const body of [
      '{"id":"new","__proto__":{"storage":{}}}',
      '{"id":"new","constructor":{"prototype":{}}}',
      '{"__proto__":{"id":"new"}}',
    ]) {
      assert.equal(problemOf(await server.send('POST', PROJECTS, { body }))['code'], 'invalid_settings', body);
    }
  }));

test('a duplicate member is refused at every depth, with its pointer, and nothing is changed', () =>
  withServer(async (server) => {
    const alpha = `${PROJECTS}/alpha`;
    const table: readonly (readonly [method: string, path: string, body: string, pointer: string])[] = [
      ['POST', PROJECTS, '{"id":"one","id":"two"}', '/id'],
      ['POST', PROJECTS, '{"id":"one","\\u0069d":"one"}', '/id'],
      ['POST', PROJECTS, '{"id":"new","storage":{"on_disk":true,"on_disk":false}}', '/storage/on_disk'],
      ['POST', PROJECTS, '{"id":"new","storage":{"retention":{"max_bytes":0,"max_bytes":null}}}', '/storage/retention/max_bytes'],
      ['PUT', alpha, '{"authentication":{"enabled":true,"enabled":false}}', '/authentication/enabled'],
      ['PUT', alpha, '{"authentication":{"enabled":true},"authentication":{"enabled":false}}', '/authentication'],
      ['PUT', alpha, '{"storage":{"compaction":{"interval_seconds":1,\n"interval_seconds":2}}}', '/storage/compaction/interval_seconds'],
      ['POST', `${alpha}/api-key/regenerate`, '{"a":1,"a":1}', '/a'],
    ];
    for (const [method, path, body, pointer] of table) {
      const problem = problemOf(await server.send(method, path, { body }));
      const found = [problem['code'], problem['pointer'], problem['expected']];
      assert.deepEqual(found, ['invalid_settings', pointer, 'the only member of its name'], body);
    }
    assert.equal(server.projects.lastChange, undefined);
  }));

test('a long settings body is refused, announced or not', () =>
  withServer(async (server) => {
    const body = `{"id":"new"${' '.repeat(65_536)}}`;
    const announced = problemOf(await server.send('POST', PROJECTS, { body }));
    assert.deepEqual([announced['code'], announced['limit'], announced['actual']], ['body_too_large', 65_536, body.length]);
    const chunked = await server.send('POST', PROJECTS, {
      body: undefined as unknown as string,
      headers: { 'Content-Type': 'application/json', 'Content-Length': '0' },
    });
    assert.equal(problemOf(chunked)['code'], 'empty_body');
  }));

test('names in a pointer are escaped and truncated', () =>
  withServer(async (server) => {
    const problem = problemOf(await server.send('POST', PROJECTS, { body: JSON.stringify({ id: 'new', 'a/b~c': 1 }) }));
    assert.equal(problem['pointer'], '/a~1b~0c');
    const long = await server.send('POST', PROJECTS, { body: JSON.stringify({ id: 'new', ['x'.repeat(60_000)]: 1 }) });
    assert.ok(long.bytes.length < 1000);
  }));

test.run();
