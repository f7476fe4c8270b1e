import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type PlainRequest, readPlainRequest } from '../../../src/http/direct/plain-request.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('direct/plain-request');

const TARGET = '/api/v1/projects/shop/keys/user%2F1';
const HOST = 'Host: 127.0.0.1:1\r\n';
const GET = `GET ${TARGET} HTTP/1.1\r\n${HOST}X-API-Key: k\r\n\r\n`;
const PUT = `PUT ${TARGET}?ttl=5 HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 3\r\n\r\n"a"`;

const FRESH = { known: null, headBytesMax: 16_384 };

/** Options of a connection that had a request before. */
function after(request: PlainRequest | undefined): Parameters<typeof readPlainRequest>[1] {
  return { ...FRESH, known: request?.known ?? null };
}

function read(text: string): PlainRequest | undefined {
  return readPlainRequest(Buffer.from(text, 'latin1'), FRESH);
}

/** Everything but what the next request is compared with. */
function without(request: PlainRequest | undefined): Omit<PlainRequest, 'known'> | undefined {
  return request && Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'known')) as Omit<PlainRequest, 'known'>;
}

test('a request for a key is read as it was written', () => {
  const get = read(GET);
  assert.deepEqual([get?.method, get?.target, get?.body.length], ['GET', TARGET, 0]);
  assert.deepEqual(get?.headers.raw, ['Host', '127.0.0.1:1', 'X-API-Key', 'k']);
  assert.deepEqual(get?.headers.byName, { 'host': '127.0.0.1:1', 'x-api-key': 'k' });
  const put = read(PUT);
  assert.deepEqual([put?.method, put?.target, put?.body.toString()], ['PUT', `${TARGET}?ttl=5`, '"a"']);
  for (const line of ['connection: Keep-Alive', 'A:1', 'Content-Length: 0', `A: ${'x'.repeat(4000)}`]) {
    assert.ok(read(GET.replace('X-API-Key: k', line)), line);
  }
  for (const method of ['HEAD', 'PUT', 'POST', 'DELETE']) assert.equal(read(GET.replace('GET', method))?.method, method);
});

test('headers that are sent again are not read again', () => {
  const first = read(GET);
  const other = Buffer.from(GET.replace('user', 'other'));
  assert.equal(readPlainRequest(other, after(first))?.headers, first?.headers);
  assert.notEqual(readPlainRequest(Buffer.from(GET.replace('k\r\n', 'l\r\n')), after(first))?.headers, first?.headers);
});

test('headers of which one differs are read as those of a first request', () => {
  const known = after(read(PUT));
  for (const [from, to] of [
    ['Host: 1', 'Host: 2'], ['json', 'xml'], ['Content-Length: 3', 'Content-Length: 0003'], ['Content-Length: 3\r\n', ''],
    ['\r\nHost', '\r\nA: 1\r\nHost'],
    ['Content-Length: 3', 'Content-Length: 3\r\nA: b'], ['Content-Type', 'content-type'], ['Content-Length: 3', 'Host: 4'],
  ] as const) {
    const bytes = Buffer.from(PUT.replace(from, to));
    assert.deepEqual(without(readPlainRequest(bytes, known)), without(readPlainRequest(bytes, FRESH)), to);
  }
});

const withLine = (line: string): string => GET.replace('X-API-Key: k', line);

for (const [what, text] of Object.entries({
  'nothing': '',
  'a part of a head': GET.slice(0, -1),
  'a part of a body': PUT.slice(0, -1),
  'more than a body': `${PUT} `,
  'two requests': GET + GET,
  'an empty line before it': `\r\n${GET}`,
  'no headers': `GET ${TARGET} HTTP/1.1\r\n\r\n`,
  'HTTP/1.0': GET.replace('1.1', '1.0'),
  'another method': GET.replace('GET', 'PATCH'),
  'a method in lower case': GET.replace('GET', 'get'),
  'another resource': GET.replace('/projects/', '/project/'),
  'an absolute target': GET.replace(TARGET, `http://127.0.0.1${TARGET}`),
  'a fragment': GET.replace(TARGET, `${TARGET}#f`),
  'a space in the target': GET.replace('user', 'us er'),
  'a tab in the target': GET.replace('user', 'us\ter'),
  'two spaces before the target': GET.replace('GET ', 'GET  '),
  'a byte beyond ASCII in the target': GET.replace('user', '\u00fc'),
  'a byte beyond ASCII in a header': withLine('A: \u00fc'),
  'a control character in a header': withLine('A: \u0001'),
  'NUL in a header': withLine('A: \u0000'),
  'a bare LF': GET.replace('\r\nX', '\nX'),
  'a bare CR': GET.replace('\r\nX', '\rX'),
  'a bare LF in a value': withLine('A: 1\nB: 2'),
  'a folded header': withLine('A: 1\r\n 2'),
  'a space before the colon': withLine('A : 1'),
  'a space before a name': withLine(' A: 1'),
  'a name with an underscore': withLine('__proto__: 1'),
  'no name': withLine(': 1'),
  'no colon': withLine('A'),
  'an empty value': withLine('A:'),
  'a blank value': withLine('A:  '),
  'a value after two spaces': withLine('A:  1'),
  'a value before a space': withLine('A: 1 '),
  'a value before a tab': withLine('A: 1\t'),
  'a header twice': withLine('A: 1\r\na: 1'),
  'two lengths': PUT.replace('Content-Length: 3', 'Content-Length: 3\r\nContent-Length: 3'),
  'a length with a sign': PUT.replace(': 3', ': +3'),
  'a length with a zero before it': PUT.replace(': 3', ': 03'),
  'a length in hexadecimal': PUT.replace(': 3', ': 0x3'),
  'a length of ten digits': PUT.replace(': 3', ': 1000000000'),
  'two lengths in one': PUT.replace(': 3', ': 3, 3'),
  'chunks': PUT.replace('Content-Length: 3', 'Transfer-Encoding: chunked'),
  'a length and chunks': PUT.replace('Content-Length: 3', 'Content-Length: 3\r\nTransfer-Encoding: chunked'),
  'a body of a GET': PUT.replace('PUT', 'GET'),
  'a last request': withLine('Connection: close'),
  'two connection options': withLine('Connection: keep-alive, close'),
  'an upgrade': withLine('Connection: upgrade'),
  'an upgrade without its option': withLine('Upgrade: h2c'),
  'an expectation': PUT.replace('Content-Length', 'Expect: 100-continue\r\nContent-Length'),
  'trailers': withLine('Trailer: A'),
  'a head of 9 KB': withLine(`A: ${'x'.repeat(9000)}`),
  '49 headers': withLine(Array.from({ length: 48 }, (_, index) => `A-${index}: 1`).join('\r\n')),
})) test(`${what}: left to Node`, () => assert.equal(read(text), undefined));

test('the limit of a head is that of the configuration where it is lower', () => {
  const bytes = Buffer.from(GET);
  assert.ok(readPlainRequest(bytes, { known: null, headBytesMax: bytes.length }));
  assert.equal(readPlainRequest(bytes, { known: null, headBytesMax: bytes.length - 1 }), undefined);
});

test('what is kept of many requests is the headers of one of them', () => {
  // Each request changes the value or the name of another header, and has a body that must not be kept by what is a slice beside it.
  const connections = 30;
  const lines = Array.from({ length: 40 }, (_, index) => `X-Header-Number-${index}: ${'v'.repeat(20)}\r\n`);
  const body = `"${'x'.repeat(100_000)}"`;
  const kept: unknown[] = [];
  const bytesOf = (index: number): Buffer => {
    const head = `PUT ${TARGET} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n`;
    const to = `${index % 2 === 0 ? '' : '-Other'}: ${'n'.repeat(4000)}`;
    const changed = lines.map((line, place) => (place === index ? line.replace(': ', to) : line));
    return Buffer.from(`${head}${changed.join('')}\r\n${body}`);
  };
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  const beforeBytes = process.memoryUsage().heapUsed;
  for (let connection = 0; connection < connections; connection += 1) {
    let request = readPlainRequest(bytesOf(0), FRESH);
    for (let index = 1; index < lines.length; index += 1) request = readPlainRequest(bytesOf(index), after(request));
    assert.equal(request?.headers.raw.length, (lines.length + 2) * 2);
    kept.push(request?.known);
  }
  collectGarbage();
  const keptBytes = (process.memoryUsage().heapUsed - beforeBytes) / kept.length;
  assert.ok(keptBytes < 40_000, `${keptBytes} bytes each`);
});

test('the end of a head is found also where a body has one', () => {
  const body = '"\\r\\n"\r\n\r\n ';
  assert.equal(read(PUT.replace('Content-Length: 3', `Content-Length: ${body.length}`).replace('"a"', body))?.body.toString(), body);
});

/** A connection that ends in memory. */
class MemoryConnection extends Duplex {
  override _read(): void { /* everything was pushed */ }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

interface NodesRequest {
  readonly method: string | undefined;
  readonly target: string | undefined;
  readonly raw: readonly string[];
  readonly byName: object;
  readonly body: string;
}

/** What Node's parser makes of bytes; undefined unless they are complete requests and nothing else. */
async function nodesRequests(bytes: Buffer): Promise<readonly NodesRequest[] | undefined> {
  const requests: Promise<NodesRequest>[] = [];
  const server: Server = createServer({ requireHostHeader: false }, (request: IncomingMessage, response) => {
    requests.push((async () => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const { method, url: target, rawHeaders: raw, headers: byName } = request;
      response.end();
      return { method, target, raw, byName: { ...byName }, body: Buffer.concat(pieces).toString('latin1') };
    })());
  });
  let isFaulty = false;
  server.on('clientError', () => void (isFaulty = true));
  const connection = new MemoryConnection();
  server.emit('connection', connection);
  connection.push(bytes);
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  connection.push(null);
  // A body that is not complete ends with an error.
  const found = await Promise.all(requests).catch(() => undefined);
  connection.destroy();
  server.close();
  return isFaulty ? undefined : found;
}

/** What could make a request mean something else, put in, over or instead of a piece of it. */
const PIECES = [
  '\r\n', '\n', '\r', ' ', '\t', ':', ',', '\u0000', '\u00a0', '#', '?', '%0d%0a',
  'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'content-length:3\r\n',
  'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', 'X: y\r\n', ' X: y\r\n', 'Connection: close\r\n', 'Host: a\r\n',
  '0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1', 'A-B: c\r\n', '5', '03', '+3', '"', 'Expect: 100-continue\r\n', 'PUT', 'HEAD',
] as const;

test('whatever is accepted, Node reads as the same one request', async () => {
  let accepted = 0;
  const known = after(read(PUT));
  const piece: fc.Arbitrary<string> = fc.constantFrom('', ...PIECES);
  const edit = fc.record({ at: fc.nat(200), cut: fc.oneof(fc.constant(0), fc.nat(12)), piece });
  await fc.assert(fc.asyncProperty(fc.constantFrom<string>(GET, PUT), fc.array(edit, { maxLength: 3 }), async (start, edits) => {
    const text = edits.reduce((before, { at, cut, piece: put }) => before.slice(0, at) + put + before.slice(at + cut), start);
    const bytes = Buffer.from(text, 'latin1');
    const plain = readPlainRequest(bytes, FRESH);
    // What a connection remembers changes nothing.
    assert.deepEqual(without(readPlainRequest(bytes, known)), without(plain));
    if (plain === undefined) return;
    accepted += 1;
    const { method, target, headers: { raw, byName }, body } = plain;
    assert.deepEqual(await nodesRequests(bytes), [{ method, target, raw, byName, body: body.toString('latin1') }], JSON.stringify(text));
  }), { numRuns: 4000 });
  assert.ok(accepted > 100, `${accepted} were accepted`);
});

test.run();
