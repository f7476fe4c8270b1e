import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, withWorkbench } from './server-under-test.js';

const test = suite('values');

const KEYS = '/api/v1/projects/p/keys';
const VALUE_BYTES_MAX = 1_048_576;
const KEY_BYTES_MAX = 1024;
const DIGITS = 500_000;
const DEPTH = 100_000;

const TOKENS: Readonly<Record<string, string>> = {
  'beyond the safe integers': '9007199254740993',
  'one with a fraction': '1.0',
  'too large for a double': '1e400',
  'too large and negative': '-1e400',
  'minus nothing': '-0',
  exponents: '[1E2,5e-324,2.4e-324,1e+5,0.1000000000000000055511151231257827]',
  'many digits': '7'.repeat(DIGITS),
  'order of members': '{"b":1,"10":2,"9":3,"":4}',
  'members twice': '{"a":1,"a":2,"__proto__":{"x":1},"__proto__":null}',
  'names of methods': '{"toJSON":1,"then":"x","length":-1,"valueOf":null,"hasOwnProperty":0}',
  'half a pair': '["\\ud800","\\udc00\\ud800"]',
  'escapes stay escapes': '"\\u0041\\/\\u0000\\u2028\\n\\r\\t\\b\\f\\\\\\""',
  'raw characters': '"é e\u0301 😀 \u2028 \u007f \ufeff"',
  'deep nesting': `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`,
  'marks of the log': '{",\\"hash\\":\\"x\\"}":",\\"value\\":",",\\"salt\\":":1,"hash":"00"}',
  'blanks and tabs': ' \t{ "a" :\t[ 1 , 2 ] } \t',
  'a text': '"x"',
  nothing: 'null',
  naught: '0',
  untrue: 'false',
  'nothing inside': '{}',
};

test('values come back token for token, at once and after a restart', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    let server = await bench.start();
    const key = server.key('p');
    for (const [name, body] of Object.entries(TOKENS)) {
      const answer = await server.send('PUT', `${KEYS}/${encodeURIComponent(name)}`, { key, body });
      assert.equal(answer.status, 201, `${name}: ${answer.text}`);
    }
    for (const way of ['at once', 'kill', 'stop'] as const) {
      if (way === 'kill') await server.kill();
      if (way === 'stop') await server.stop();
      if (way !== 'at once') server = await bench.start();
      for (const [name, body] of Object.entries(TOKENS)) {
        const { bytes } = await server.send('GET', `${KEYS}/${encodeURIComponent(name)}`, { key });
        assert.ok(bytes.equals(Buffer.from(body)), `${name}, ${way}: ${bytes.toString('utf8', 0, 200)}`);
      }
      const names = Object.keys(TOKENS).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const listing = `{${names.map((name) => `${JSON.stringify(name)}:${TOKENS[name]}`).join(',')}}`;
      assert.equal((await server.send('GET', KEYS, { key })).text, listing, way);
    }
    const { events } = readLogFiles(bench.path('data'), 'p');
    assert.deepEqual(
      new Map(events.filter(({ op }) => op === 'set').map((event) => [event.key, event.value])),
      new Map(Object.entries(TOKENS)),
    );
  }));

test('line breaks between tokens are left out, and nothing else', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    const body = '\r\n{\r\n\t"a": [\n 1,\r 2 ],\n\n  "b\\n": "\\r\\n"\r\n}\r\n';
    await server.send('PUT', `${KEYS}/k`, { key, body });
    assert.equal((await server.send('GET', `${KEYS}/k`, { key })).text, '{\t"a": [ 1, 2 ],  "b\\n": "\\r\\n"}');
  }));

test('a value may have 1 MiB and no byte more', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    const longest = `"${'é'.repeat(VALUE_BYTES_MAX / 2 - 1)}"`;
    assert.equal(Buffer.byteLength(longest), VALUE_BYTES_MAX);
    assert.equal((await server.send('PUT', `${KEYS}/k`, { key, body: longest })).status, 201);
    assert.equal((await server.send('GET', `${KEYS}/k`, { key })).text, longest);
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }] as const) {
      const answer = await server.send('PUT', `${KEYS}/k`, { key, body: ` ${longest}`, headers });
      assert.equal(answer.status, 413);
      assert.equal(problemOf(answer)['limit'], VALUE_BYTES_MAX);
    }
    assert.equal((await server.send('GET', `${KEYS}/k`, { key })).text, longest);
  }));

test('what is not UTF-8 or not JSON is refused with the place of the fault, and leaves no line', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    const utf8: readonly (readonly [number[], number])[] = [
      [[0x22, 0xff, 0x22], 1],
      [[0x22, 0x41, 0xc0, 0x80, 0x22], 2],
      [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
      [[0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1],
      [[0x22, 0xe2, 0x82], 1],
    ];
    for (const [bytes, offset] of utf8) {
      const answer = await server.send('PUT', `${KEYS}/k`, { key, body: Buffer.from(bytes) });
      const problem = problemOf(answer);
      assert.deepEqual([answer.status, problem['code'], problem['offset']], [400, 'invalid_utf8', offset], answer.text);
    }
    const json: readonly (readonly [string, number, number, number])[] = [
      ['{"a":1,}', 7, 1, 8],
      ['[1,\n 2,\n x]', 9, 3, 2],
      ['NaN', 0, 1, 1],
      ['Infinity', 0, 1, 1],
      ['01', 1, 1, 2],
      ["{'a':1}", 1, 1, 2],
      ['0x1', 1, 1, 2],
      ['"a\tb"', 2, 1, 3],
      ['"é" x', 5, 1, 5],
      ['{"a":1} // x', 8, 1, 9],
      ['[1', 2, 1, 3],
      ['"\\x"', 2, 1, 3],
      ['\ufeff1', 0, 1, 1],
      ['1 2', 2, 1, 3],
    ];
    for (const [body, offset, line, column] of json) {
      const answer = await server.send('PUT', `${KEYS}/k`, { key, body });
      const { code, offset: foundOffset, line: foundLine, column: foundColumn } = problemOf(answer);
      const found = { status: answer.status, code, offset: foundOffset, line: foundLine, column: foundColumn };
      assert.deepEqual(found, { status: 400, code: 'invalid_json', offset, line, column }, `${body}: ${answer.text}`);
    }
    assert.equal(problemOf(await server.send('PUT', `${KEYS}/k`, { key, body: '' }))['code'], 'empty_body');
    for (const type of ['text/plain', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded']) {
      const answer = await server.send('PUT', `${KEYS}/k`, { key, body: '1', headers: { 'Content-Type': type } });
      assert.equal(answer.status, 415);
      assert.match(String(problemOf(answer)['detail']), /Content-Type: application\/json/);
    }
    assert.equal(readLogFiles(bench.path('data'), 'p').events.length, 1);
  }));

/** What stands in the path, and the key that it names. */
const NAMES: readonly (readonly [string, string])[] = [
  ['a%2Fb', 'a/b'],
  ['plain/path/', 'plain/path/'],
  ['%2F', '/'],
  ['.', '.'],
  ['..', '..'],
  ['%2e%2e/%2e', '../.'],
  ['%2525', '%25'],
  ['%252F', '%2F'],
  ['%F0%9F%98%80', '😀'],
  ['%C3%A9', 'é'],
  ['e%CC%81', 'e\u0301'],
  ['%E2%80%AEabc', '\u202eabc'],
  ['a+b', 'a+b'],
  ['a%20b', 'a b'],
  ['a%5Cb', 'a\\b'],
  ['%22', '"'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['a%3Fb%23c', 'a?b#c'],
  ['keys/keys', 'keys/keys'],
  [`${'%C3%A9'.repeat(512)}`, 'é'.repeat(512)],
  ['x'.repeat(KEY_BYTES_MAX), 'x'.repeat(KEY_BYTES_MAX)],
  ['a//b', 'a//b'],
  ['api-key/regenerate', 'api-key/regenerate'],
];

test('keys are decoded once, kept as they are and told apart, also after a restart', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    let server = await bench.start();
    const key = server.key('p');
    for (const [path, name] of NAMES) {
      const answer = await server.send('PUT', `${KEYS}/${path}`, { key, body: JSON.stringify(`of ${name}`) });
      assert.deepEqual([answer.status, (JSON.parse(answer.text) as { key: string }).key], [201, name], `${path}: ${answer.text}`);
    }
    await server.kill();
    server = await bench.start();
    for (const [path, name] of NAMES) {
      assert.equal((await server.send('GET', `${KEYS}/${path}`, { key })).text, JSON.stringify(`of ${name}`), path);
      assert.equal(
        (await server.send('GET', `${KEYS}/${encodeURIComponent(name)}`, { key })).text,
        JSON.stringify(`of ${name}`),
        `${path}, encoded`,
      );
    }
    const sorted = NAMES.map(([, name]) => name).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(JSON.parse((await server.send('GET', `${KEYS}?values=false`, { key })).text), sorted);
  }));

test('keys that are too long, or have control characters or broken encodings, are refused', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    const refused = [
      'x'.repeat(KEY_BYTES_MAX + 1),
      `${'%C3%A9'.repeat(512)}x`,
      '%00',
      'a%0Ab',
      '%1B[31m',
      '%7F',
      '%C2%85',
      '%zz',
      '%',
      '%FF',
      '%C0%80',
      '%ED%A0%80',
    ];
    for (const path of refused) {
      const answer = await server.send('PUT', `${KEYS}/${path}`, { key, body: '1' });
      assert.equal(answer.status, 400, `${path}: ${answer.text}`);
      problemOf(answer);
    }
    for (const id of ['%2e%2e', '..', 'a%2Fb', 'a%5Cb', '%00', 'A', 'p%20', '-p', '_server', 'x'.repeat(64), 'x'.repeat(300)]) {
      const answer = await server.send('GET', `/api/v1/projects/${id}/keys/k`, { key: server.key('global') });
      assert.ok(answer.status === 400 && problemOf(answer)['code'] === 'invalid_project_id', `${id}: ${answer.text}`);
    }
    assert.equal(readLogFiles(bench.path('data'), 'p').events.length, 1);
  }));

test.run();
