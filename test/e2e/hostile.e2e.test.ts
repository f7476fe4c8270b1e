import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { exchangeRaw, statusesOf } from './raw-exchange.js';
import { withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('hostile', { concurrentTests: 3 });

const KEYS = '/api/v1/projects/p/keys';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const HEADER_BYTES = 17_000;
const BODY_BYTES_MAX = 1_048_576;

/** What is sent, and which statuses may come back first; `AUTH` stands for the host and a good key. */
type Row = readonly [name: string, bytes: string, statuses: readonly number[]];

const AUTH = 'Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n';
const PUT = `PUT ${KEYS}/k HTTP/1.1\r\n${AUTH}${JSON_TYPE}`;

const ROWS: readonly Row[] = [
  ['length and chunks at once', `${PUT}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n`, [400]],
  ['chunked and identity', `${PUT}Transfer-Encoding: chunked, identity\r\n\r\n1\r\n1\r\n0\r\n\r\n`, [400, 415]],
  ['a vertical tab before chunked', `${PUT}Transfer-Encoding: \x0bchunked\r\n\r\n1\r\n1\r\n0\r\n\r\n`, [400]],
  ['two lengths', `${PUT}Content-Length: 1\r\nContent-Length: 1\r\n\r\n1`, [400]],
  ['two different lengths', `${PUT}Content-Length: 1\r\nContent-Length: 2\r\n\r\n1`, [400]],
  ['a length with a sign', `${PUT}Content-Length: +1\r\n\r\n1`, [400]],
  ['a negative length', `${PUT}Content-Length: -1\r\n\r\n1`, [400]],
  ['a hexadecimal length', `${PUT}Content-Length: 0x1\r\n\r\n1`, [400]],
  ['a length of 20 digits', `${PUT}Content-Length: 99999999999999999999\r\n\r\n1`, [400, 413]],
  ['a blank before the colon', `GET ${KEYS} HTTP/1.1\r\nHost : x\r\n\r\n`, [400]],
  ['a folded header', `GET ${KEYS} HTTP/1.1\r\n${AUTH}X: a\r\n b\r\n\r\n`, [400]],
  ['a bare CR in a header', `GET ${KEYS} HTTP/1.1\r\n${AUTH}X: a\rb\r\n\r\n`, [400]],
  ['a NUL in a header', `GET ${KEYS} HTTP/1.1\r\n${AUTH}X: a\0b\r\n\r\n`, [400]],
  ['no Host', `GET ${KEYS} HTTP/1.1\r\nConnection: close\r\n\r\n`, [400]],
  ['two Hosts', `GET ${KEYS} HTTP/1.1\r\n${AUTH}Host: x\r\nConnection: close\r\n\r\n`, [400]],
  ['two keys', `${PUT}X-API-Key: {key}\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1`, [400]],
  ['the same key twice', `${PUT}Authorization: Bearer {key}\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1`, [400]],
  ['HTTP/0.9', `GET ${KEYS}\r\n\r\n`, [400, 505]],
  ['HTTP/2 as text', `GET ${KEYS} HTTP/2.0\r\n${AUTH}\r\n`, [400, 505]],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
  ['TLS to a plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
  ['headers over 16 KiB', `GET ${KEYS} HTTP/1.1\r\n${AUTH}X: ${'a'.repeat(HEADER_BYTES)}\r\n\r\n`, [431]],
  ['a target over 16 KiB', `GET ${KEYS}/${'a'.repeat(HEADER_BYTES)} HTTP/1.1\r\n${AUTH}\r\n`, [431]],
  ['200 headers', `GET ${KEYS} HTTP/1.1\r\n${AUTH}${'X: 1\r\n'.repeat(200)}Connection: close\r\n\r\n`, [431]],
  ['a chunk of endless size', `${PUT}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n1`, [400]],
  ['a long chunk extension', `${PUT}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(20_000)}\r\n1\r\n0\r\n\r\n`, [400, 413]],
  ['a chunk without its end', `${PUT}Transfer-Encoding: chunked\r\n\r\n1\r\n1X\r\n0\r\n\r\n`, [400]],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, [405]],
  ['TRACE', `TRACE ${KEYS} HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, [405]],
  ['CONNECT', `CONNECT x:1 HTTP/1.1\r\n${AUTH}\r\n`, [405]],
  ['an unknown method', `BREW ${KEYS} HTTP/1.1\r\n${AUTH}\r\n`, [405, 400]],
  ['a method in lower case', `put ${KEYS}/k HTTP/1.1\r\n${AUTH}\r\n`, [405, 400]],
  ['an unknown expectation', `${PUT}Expect: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1`, [417]],
  ['a body over the limit, announced', `${PUT}Content-Length: ${BODY_BYTES_MAX + 1}\r\n\r\n`, [413]],
  ['gzip', `${PUT}Content-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\x1f\x8b\x08\x00`, [415]],
  ['no type', `PUT ${KEYS}/k HTTP/1.1\r\n${AUTH}Content-Length: 1\r\nConnection: close\r\n\r\n1`, [415]],
  ['a BOM', `${PUT}Content-Length: 4\r\nConnection: close\r\n\r\n\xef\xbb\xbf1`, [400]],
  ['raw bytes in the target', `GET ${KEYS}/\xc3\xa9 HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, [400]],
  ["a target that is another host's", `GET http://evil${KEYS} HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, [400]],
  ['dots as a project', `GET /api/v1/projects/%2e%2e/keys HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, [400, 401, 403]],
  ['a NUL in a key', `PUT ${KEYS}/%00 HTTP/1.1\r\n${AUTH}${JSON_TYPE}Content-Length: 1\r\nConnection: close\r\n\r\n1`, [400]],
  ['a key beyond ASCII', `GET ${KEYS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n`, [401]],
  [
    'a key of 10,000 characters',
    `GET ${KEYS} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${'k'.repeat(10_000)}\r\nConnection: close\r\n\r\n`,
    [401],
  ],
  ['a wrong precondition', `${PUT}If-Match: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1`, [400]],
  ['a precondition of the future', `${PUT}If-Match: "99-00000000"\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1`, [412]],
];

async function assertFine(server: ServerUnderTest, key: string, name: string): Promise<void> {
  const answer = await server.send('GET', `${KEYS}/good`, { key });
  assert.deepEqual([answer.status, answer.text], [200, '"good"'], `after: ${name}`);
}

async function startGood(
  bench: Workbench,
  settings: object = {},
): Promise<{ server: ServerUnderTest; key: string; lineCount: () => number }> {
  bench.configure([{ id: 'p' }], settings);
  const server = await bench.start();
  const key = server.key('p');
  await server.send('PUT', `${KEYS}/good`, { key, body: '"good"' });
  return { server, key, lineCount: () => readLogFiles(bench.path('data'), 'p').events.length };
}

test('what no client should send gets its 4xx, changes nothing, and the next request is answered', () =>
  withWorkbench(async (bench) => {
    const { server, key, lineCount } = await startGood(bench);
    for (const [name, bytes, statuses] of ROWS) {
      const text = await exchangeRaw(server.port, bytes.replaceAll('{key}', key), { waitMs: 5000 });
      const [status = 0, ...more] = statusesOf(text);
      assert.ok(statuses.includes(status), `${name}: ${text}`);
      assert.ok(
        more.every((other) => other >= 400),
        `${name}: ${text}`,
      );
      assert.match(text, /application\/problem\+json/, name);
      assert.ok(!text.includes(key) && !/\bat .*\.js/.test(text), `${name}: ${text}`);
      await assertFine(server, key, name);
      assert.equal(lineCount(), 2, name);
    }
    assert.equal(server.stderr.match(/Error/), null);
    assert.deepEqual(
      server.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
  }));

test('a body that ends too soon or never comes is no write', () =>
  withWorkbench(async (bench) => {
    const { server, key, lineCount } = await startGood(bench, { timeouts: { headers_seconds: 1, request_seconds: 1 } });
    const put = PUT.replaceAll('{key}', key);
    const short = await exchangeRaw(server.port, `${put}Content-Length: 10\r\n\r\n"123`, { half: true });
    assert.ok(short === '' || statusesOf(short)[0] === 400, short);
    const slowBody = await exchangeRaw(server.port, `${put}Content-Length: 10\r\n\r\n"123`);
    assert.deepEqual(statusesOf(slowBody), [408], slowBody);
    const slowHeaders = await exchangeRaw(server.port, `${put}X: `);
    assert.deepEqual(statusesOf(slowHeaders), [408], slowHeaders);
    const silent = await exchangeRaw(server.port, `${put}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
    assert.deepEqual(statusesOf(silent), [100, 408], silent);
    const refused = await exchangeRaw(
      server.port,
      `PUT ${KEYS}/k HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`,
    );
    assert.deepEqual(statusesOf(refused), [401], 'no leave to send before the key was checked');
    await assertFine(server, key, 'slow bodies');
    assert.equal(lineCount(), 2);
  }));

test('a refusal arrives although its body is still being sent', () =>
  withWorkbench(async (bench) => {
    const { server, key, lineCount } = await startGood(bench);
    for (let round = 0; round < 5; round += 1) {
      const body = 'x'.repeat(BODY_BYTES_MAX * 4);
      const text = await exchangeRaw(server.port, `${PUT.replace('{key}', 'wrong')}Content-Length: ${body.length}\r\n\r\n${body}`);
      assert.deepEqual(statusesOf(text), [401], text.slice(0, 300));
    }
    await assertFine(server, key, 'bodies that are not read');
    assert.equal(lineCount(), 2);
  }));

test('a thousand writes in one go on one connection are carried out and answered in their order', () =>
  withWorkbench(async (bench) => {
    const { server, key } = await startGood(bench);
    const head = AUTH.replaceAll('{key}', key);
    const requests = Array.from({ length: 1000 }, (_, index) => {
      const body = String(index);
      const last = index === 999 ? 'Connection: close\r\n' : '';
      return `PUT ${KEYS}/one HTTP/1.1\r\n${head}${last}${JSON_TYPE}Content-Length: ${body.length}\r\n\r\n${body}`;
    });
    const text = await exchangeRaw(server.port, requests.join(''));
    assert.deepEqual(statusesOf(text), [201, ...Array.from({ length: 999 }, () => 200)]);
    assert.equal((await server.send('GET', `${KEYS}/one`, { key })).text, '999');
    const seqs = [...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
    assert.deepEqual(
      seqs,
      Array.from({ length: 1000 }, (_, index) => index + 3),
    );
    await assertFine(server, key, 'a thousand at once');
  }));

test('a client that leaves in the middle of a listing or of an answer harms no other client', () =>
  withWorkbench(async (bench) => {
    const { server, key } = await startGood(bench);
    const body = `"${'x'.repeat(500_000)}"`;
    for (let index = 0; index < 20; index += 1) await server.send('PUT', `${KEYS}/long${index}`, { key, body });
    for (let round = 0; round < 20; round += 1) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => socket.destroy());
      socket.write(`GET ${KEYS} HTTP/1.1\r\n${AUTH.replaceAll('{key}', key)}\r\n`);
      await new Promise((resolve) => socket.once('data', resolve));
      socket.resetAndDestroy();
    }
    await assertFine(server, key, 'those who left');
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.deepEqual(
      server.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
  }));

test.run();
