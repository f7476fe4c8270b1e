import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { codeOf, exchange, open, statusOf } from './raw-client.js';
import { DEFAULT_HTTP_OPTIONS } from './default-http-options.js';
import { TestServer, withServer } from './test-server.js';

const test = suite('http-server');
const KEY = '/api/v1/projects/alpha/keys/k';

/** The head of a write, without the length of its body. */
function headOf({ alphaKey }: TestServer): string {
  return `PUT ${KEY} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${alphaKey}\r\nContent-Type: application/json\r\n`;
}

/** Raw requests and the statuses that may answer them. */
function hostileRows(key: string): Readonly<Record<string, readonly [string, readonly number[]]>> {
  const put = `PUT ${KEY} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n`;
  const get = 'GET /livez HTTP/1.1\r\nHost: x\r\n';
  return {
    'Content-Length and Transfer-Encoding': [`${put}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n`, [400]],
    'Transfer-Encoding: chunked, identity': [`${put}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, [400]],
    'Transfer-Encoding with a vertical tab': [`${put}Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n`, [400]],
    'Transfer-Encoding: gzip, chunked': [`${put}Transfer-Encoding: gzip, chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n`, [415]],
    'two Content-Length that differ': [`${put}Content-Length: 1\r\nContent-Length: 2\r\n\r\n12`, [400]],
    'two Content-Length that agree': [`${put}Content-Length: 1\r\nContent-Length: 1\r\n\r\n1`, [400]],
    'Content-Length: +4': [`${put}Content-Length: +4\r\n\r\n1234`, [400]],
    'Content-Length: -1': [`${put}Content-Length: -1\r\n\r\n`, [400]],
    'Content-Length: 0x4': [`${put}Content-Length: 0x4\r\n\r\n1234`, [400]],
    'Content-Length of 20 digits': [`${put}Content-Length: ${'9'.repeat(20)}\r\n\r\n`, [400]],
    'a space before the colon': ['GET /livez HTTP/1.1\r\nHost : x\r\n\r\n', [400]],
    'a folded header': [`${get}X-A: 1\r\n 2\r\n\r\n`, [400]],
    'bare LF between headers': ['GET /livez HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n', [400]],
    'bare CR in a header': [`${get}X-A: 1\r2\r\n\r\n`, [400]],
    'NUL in a header': [`${get}X-A: 1\u00002\r\n\r\n`, [400]],
    'a header without a name': [`${get}: 1\r\n\r\n`, [400]],
    'a header block of 17 KB': [`${get}X-A: ${'x'.repeat(17_000)}\r\n\r\n`, [431]],
    'a target of 17 KB': [`GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [431]],
    'a chunk size that overflows': [`${put}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`, [400]],
    'a chunk size that is no number': [`${put}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, [400]],
    'a chunk extension of 20 KB': [`${put}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n1\r\n0\r\n\r\n`, [400, 413]],
    'a chunk that does not end': [`${put}Transfer-Encoding: chunked\r\n\r\n1\r\n1xx\r\n0\r\n\r\n`, [400]],
    'two Content-Type': [`${put}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1`, [415]],
    'bytes of TLS': ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', [400]],
    'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 405, 505]],
    'a space in the target': ['GET /li vez HTTP/1.1\r\nHost: x\r\n\r\n', [400, 505]],
    'no version but a line': ['GET /livez HTTP\r\nHost: x\r\n\r\n', [400, 505]],
  };
}

test('a malformed request gets one problem document and a closed connection, and nothing is written', () =>
  withServer(async (server) => {
    for (const [name, [bytes, statuses]] of Object.entries(hostileRows(server.alphaKey))) {
      const { text } = await exchange(server.port, bytes, { half: true });
      assert.ok(statuses.includes(statusOf(text)), `${name}: ${text}`);
      assert.match(text, /\r\nContent-Type: application\/problem\+json\r\n/, name);
      assert.match(text, /\r\nX-Request-Id: [0-9a-f]{32}\r\n/, name);
      assert.equal(text.split('HTTP/1.1 ').length, 2, `${name}: ${text}`);
      assert.equal(text.includes(server.alphaKey), false, name);
    }
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
    assert.equal((await server.send('GET', '/livez')).status, 200);
  }));

test('a request that the parser rejects is logged once, without its bytes', () =>
  withServer(async (server) => {
    const { text } = await exchange(server.port, `GET /secret HTTP/1.1\r\nHost : secret\r\n\r\n`);
    const requestId = /X-Request-Id: ([0-9a-f]+)/.exec(text)?.[1] ?? '';
    const line = await server.lineOf(requestId);
    assert.deepEqual([line['status'], line['code'], line['method']], [400, 'bad_request', null]);
    assert.equal(JSON.stringify(server.lines).includes('secret'), false);
  }));

test('a body that ends before its announced length writes nothing', () =>
  withServer(async (server) => {
    const head = `${headOf(server)}X-Request-Id: cut\r\n`;
    await exchange(server.port, `${head}Content-Length: 10\r\n\r\n1234`, { half: true });
    assert.equal((await server.lineOf('cut'))['status'], 400);
    const socket = await open(server.port);
    socket.write(`${head.replace('cut', 'gone')}Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.resetAndDestroy();
    const line = await server.lineOf('gone');
    assert.deepEqual([line['status'], line['aborted']], [null, true]);
    assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
  }));

test('slow headers and slow bodies are 408', () =>
  withServer(
    async (server) => {
      const headers = await exchange(server.port, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-');
      assert.deepEqual([statusOf(headers.text), codeOf(headers.text)], [408, 'request_timeout']);
      const put = `${headOf(server)}X-Request-Id: slow\r\nContent-Length: 10\r\n\r\n123`;
      const body = await exchange(server.port, put);
      assert.deepEqual([statusOf(body.text), codeOf(body.text)], [408, 'request_timeout']);
      assert.match(body.text, /X-Request-Id: slow\r\n/);
      assert.equal((await server.lineOf('slow'))['status'], 408);
      assert.deepEqual(server.projects.fakeStore('alpha').submitted, []);
    },
    { http: { timeouts: { ...DEFAULT_HTTP_OPTIONS.timeouts, headersMs: 200, requestMs: 400 } } },
  ));

test('pipelined requests are answered in order, the malformed one after the others', () =>
  withServer(async (server) => {
    const store = server.projects.fakeStore('alpha');
    store.beforeSubmit = () => new Promise((resolve) => setTimeout(resolve, 100));
    const put = `${headOf(server)}Content-Length: 1\r\n\r\n1`;
    const { text } = await exchange(server.port, `${put}${put}GET /livez HTTP/1.1\r\nHost : x\r\n\r\n`);
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]),
      ['201', '200', '400'],
    );
    const get = 'GET /livez HTTP/1.1\r\nHost: x\r\n';
    const many = await exchange(server.port, `${`${get}\r\n`.repeat(999)}${get}Connection: close\r\n\r\n`);
    assert.equal(many.text.split('HTTP/1.1 200 OK').length - 1, 1000);
  }));

test('a read behind a write on one connection sees what was written', () =>
  withServer(async (server) => {
    const store = server.projects.fakeStore('alpha');
    store.beforeSubmit = () => new Promise((resolve) => setTimeout(resolve, 50));
    const put = (value: number): string => `${headOf(server)}Content-Length: 1\r\n\r\n${value}`;
    const get = `GET ${KEY} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${server.alphaKey}\r\n`;
    const { text } = await exchange(server.port, `${put(7)}${get}\r\n${put(8)}${get}Connection: close\r\n\r\n`);
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]),
      ['201', '200', '200', '200'],
    );
    assert.deepEqual([...text.matchAll(/\r\n\r\n(\d)(?:HTTP|$)/g)].map((match) => match[1]), ['7', '8']);
  }));

test('an Upgrade header is ignored', () =>
  withServer(async (server) => {
    for (const upgrade of ['websocket', 'h2c']) {
      const { text } = await exchange(
        server.port,
        `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${upgrade}\r\n\r\n`,
      );
      assert.equal(statusOf(text), 200);
    }
  }));

test('close() lets an answer in progress finish, then closes its connection', async () => {
  const server = new TestServer();
  ({ port: server.port } = await server.server.listen());
  const store = server.projects.fakeStore('alpha');
  let release: () => void = () => undefined;
  const entered = new Promise<void>((resolveEntered) => {
    store.beforeSubmit = () => {
      resolveEntered();
      return new Promise((resolve) => {
        release = resolve;
      });
    };
  });
  const idle = await open(server.port);
  const idleClosed = new Promise((resolve) => idle.once('close', resolve));
  const put = `${headOf(server)}Content-Length: 1\r\n\r\n1`;
  const answer = exchange(server.port, put);
  await entered;
  const closed = server.server.close();
  await idleClosed;
  await assert.rejects(open(server.port));
  release();
  const { text, endedInOrder } = await answer;
  assert.deepEqual([statusOf(text), endedInOrder], [201, true]);
  await closed;
});

test('close() cuts off answers that do not finish within its limit', async () => {
  const server = new TestServer({ http: { timeouts: { ...DEFAULT_HTTP_OPTIONS.timeouts, shutdownMs: 100 } } });
  ({ port: server.port } = await server.server.listen());
  const store = server.projects.fakeStore('alpha');
  const entered = new Promise<void>((resolve) => {
    store.beforeSubmit = () => {
      resolve();
      return new Promise<never>(() => undefined);
    };
  });
  const answer = exchange(
    server.port,
    `${headOf(server)}Content-Length: 1\r\n\r\n1`,
  );
  await entered;
  await server.server.close();
  assert.equal((await answer).text, '');
});

test('listen() rejects with the errno if the port is in use', () =>
  withServer(async (server) => {
    const other = new TestServer({ http: { port: server.port } });
    await assert.rejects(other.server.listen(), { code: 'EADDRINUSE' });
    await other.server.close();
  }));

test.run();
