/** Connections whose requests are answered without Node's HTTP, on real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { ManualClock } from '../../base/manual-clock.js';
import { suite } from '../../suite.js';
import { DEFAULT_HTTP_OPTIONS } from '../default-http-options.js';
import { open } from '../raw-client.js';
import { type TestServer, withServer } from '../test-server.js';

const test = suite('direct/direct-connections');

const KEYS = '/api/v1/projects/alpha/keys/';
const LONG = 100_000;
const { timeouts } = DEFAULT_HTTP_OPTIONS;

/** An open connection and the answers on it. */
class Client {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece: Buffer) => void (this.text += piece.toString('latin1')));
    socket.on('close', () => void (this.isClosed = true));
    socket.on('error', () => undefined);
  }

  static async of({ port }: TestServer): Promise<Client> {
    return new Client(await open(port));
  }

  /** Statuses so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  async write(text: string | Buffer): Promise<void> {
    this.socket.write(text);
    // Long enough for a packet of its own.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Waits for so many answers in all. */
  async answers(count: number): Promise<number[]> {
    await this.#until(() => this.statuses.length >= count && /\r\n\r\n/.test(this.text.slice(this.text.lastIndexOf('HTTP/1.1 '))));
    return this.statuses;
  }

  async closed(): Promise<void> {
    await this.#until(() => this.isClosed);
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (let attempt = 0; attempt < 1000 && !isSo(); attempt += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(isSo(), JSON.stringify(this.text.slice(-500)));
  }
}

function get({ alphaKey }: TestServer, key = 'k', more = ''): string {
  return `GET ${KEYS}${key} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${alphaKey}\r\n${more}\r\n`;
}

function put({ alphaKey }: TestServer, body: string, more = ''): string {
  const head = `PUT ${KEYS}k HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${alphaKey}\r\nContent-Type: application/json\r\n`;
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
}

function fill({ projects }: TestServer): void {
  const { entries } = projects.fakeStore('alpha').values;
  entries.set('k', { value: '"short"', seq: 2, tag: 0, timeMs: 0, expiresAtMs: null });
  entries.set('long', { value: `"${'x'.repeat(LONG)}"`, seq: 3, tag: 0, timeMs: 0, expiresAtMs: null });
}

/** How many requests came directly, and how many of them were left to Node, within a test. */
interface Ways {
  direct: number;
  left: number;
}

async function withDirect(
  body: (server: TestServer, ways: Ways) => Promise<void>, options: Parameters<typeof withServer>[1] = {},
): Promise<void> {
  const ways: Ways = { direct: 0, left: 0 };
  await withServer(async (server) => {
    fill(server);
    await body(server, ways);
  }, {
    ...options,
    onDirect: (response) => {
      ways.direct += 1;
      const leave = response.leave.bind(response);
      response.leave = () => {
        ways.left += 1;
        leave();
      };
    },
  });
}

test('requests for keys are answered one after another on a connection that stays open', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  await client.write(get(server));
  await client.write(put(server, '"new"'));
  await client.write(get(server, 'missing'));
  await client.write(get(server, 'k', 'If-None-Match: *\r\n'));
  assert.deepEqual(await client.answers(4), [200, 200, 404, 304]);
  assert.deepEqual(ways, { direct: 4, left: 0 });
  assert.equal(client.text.split('\r\nConnection: keep-alive\r\n').length, 5);
}));

test('a batch is answered like them, if it comes in one packet', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  const body = '{"ops":[{"op":"set","key":"b","value":"batched"}]}';
  const batch = put(server, body).replace(`PUT ${KEYS}k `, 'POST /api/v1/projects/alpha/batch ');
  await client.write(batch);
  await client.write(get(server, 'b'));
  await client.write(batch.slice(0, -5));
  await client.write(batch.slice(-5));
  assert.deepEqual(await client.answers(3), [200, 200, 200]);
  assert.match(client.text, /"results":\[[^]*"batched"[^]*"results":\[/);
  assert.deepEqual(ways, { direct: 2, left: 0 });
}));

test('a batch whose answer is long is left to Node with nothing done twice', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  const batchOf = (count: number): string => {
    const ops = Array.from({ length: count }, (_, index) => `{"op":"set","key":"k${index}","value":1}`);
    return put(server, `{"ops":[${ops.join()}]}`).replace(`PUT ${KEYS}k `, 'POST /api/v1/projects/alpha/batch ');
  };
  await client.write(batchOf(1));
  await client.write(batchOf(1000));
  assert.deepEqual(await client.answers(2), [200, 200]);
  const [first, second] = [...client.text.matchAll(/\{"seq":(\d+),/g)].map(([, seq]) => Number(seq));
  assert.equal(second, (first ?? 0) + 1);
  assert.deepEqual(ways, { direct: 2, left: 1 });
}));

for (const [what, split] of [['head', 30], ['body', -2]] as const) {
  test(`a request whose ${what} comes in two packets is Node's, and so is what follows`, () => withDirect(async (server, ways) => {
    const client = await Client.of(server);
    await client.write(get(server));
    const text = put(server, '"new"');
    await client.write(text.slice(0, split));
    await client.write(text.slice(split));
    await client.write(get(server));
    assert.deepEqual(await client.answers(3), [200, 200, 200]);
    assert.match(client.text, /"short"[^]*"seq":2[^]*\r\n\r\n"new"$/);
    assert.deepEqual(ways, { direct: 1, left: 0 });
  }));
}

test('a byte at a time is a request too', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  client.socket.setNoDelay(true);
  for (const byte of get(server)) {
    client.socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await client.answers(1), [200]);
  assert.equal(ways.direct, 0);
}));

test('requests that come at once are answered in their order', () => withDirect(async (server) => {
  const client = await Client.of(server);
  await client.write(put(server, '1') + get(server) + put(server, '2') + get(server) + get(server, 'long'));
  assert.deepEqual(await client.answers(5), [200, 200, 200, 200, 200]);
  assert.match(client.text, /\r\n\r\n1HTTP[^]*\r\n\r\n2HTTP/);
}));

test('a request that comes while another is in progress waits for its answer', () => withDirect(async (server, ways) => {
  let release = (): void => undefined;
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise<void>((resolve) => (release = resolve));
  const client = await Client.of(server);
  await client.write(put(server, '"new"'));
  await client.write(get(server));
  await client.write(get(server, 'missing'));
  assert.deepEqual(client.statuses, []);
  release();
  assert.deepEqual(await client.answers(3), [200, 200, 404]);
  assert.match(client.text, /\r\n\r\n"new"HTTP/);
  assert.deepEqual(ways, { direct: 3, left: 0 });
  const other = await Client.of(server);
  await other.write(put(server, '"newer"'));
  await other.write(get(server));
  release();
  assert.deepEqual(await other.answers(2), [200, 200]);
  await other.write(get(server));
  assert.deepEqual([await other.answers(3), ways.direct], [[200, 200, 200], 6]);
}));

test('a long value is left to Node with nothing done twice', () => withDirect(async (server, ways) => {
  await server.projects.update('alpha', { quota: { reads_per_second: 10 } }, { actor: 'anonymous', requestId: 'r' });
  const client = await Client.of(server);
  await client.write(get(server));
  await client.write(get(server, 'long', 'X-Request-Id: long\r\n'));
  await client.write(get(server));
  assert.deepEqual(await client.answers(3), [200, 200, 200]);
  assert.equal(client.text.split('x'.repeat(LONG)).length, 2);
  assert.deepEqual(ways, { direct: 2, left: 1 });
  assert.deepEqual([...client.text.matchAll(/"reads_per_second";r=(\d+)/g)].map(([, left]) => left), ['9', '8', '7']);
  await server.lineOf('long');
  assert.equal(server.lines.filter((line) => line['request_id'] === 'long').length, 1);
}, { clock: new ManualClock() }));

test('an earlier state of a key is Node\'s to answer', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  await client.write(get(server, 'k?at=99'));
  const [status = 0] = await client.answers(1);
  assert.ok(status >= 400, client.text);
  assert.deepEqual(ways, { direct: 1, left: 1 });
}));

test('a connection that sends no request in time gets 408, and one that sends no other is closed', () => withDirect(async (server) => {
  const silent = await Client.of(server);
  const used = await Client.of(server);
  await used.write(get(server));
  await Promise.all([silent.closed(), used.closed()]);
  assert.deepEqual([silent.statuses, used.statuses], [[408], [200]]);
  assert.match(silent.text, /"code":"request_timeout"/);
}, { http: { timeouts: { ...timeouts, headersMs: 300, requestMs: 300, keepAliveMs: 200 } } }));

test('a request in progress is not idle, until nothing has happened for the time of idle connections', () => withDirect(async (server) => {
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise((resolve) => setTimeout(resolve, 400));
  const client = await Client.of(server);
  await client.write(put(server, '1'));
  assert.deepEqual(await client.answers(1), [200]);
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise(() => undefined);
  await client.write(put(server, '2', 'X-Request-Id: endless\r\n'));
  await client.closed();
  const { aborted, status } = await server.lineOf('endless');
  assert.deepEqual([client.statuses, aborted, status], [[200], true, null]);
}, { http: { timeouts: { ...timeouts, headersMs: 100, requestMs: 100, keepAliveMs: 100, idleMs: 800, shutdownMs: 100 } } }));

test('a client that leaves during a write is noted, and the next one is served', () => withDirect(async (server) => {
  let release = (): void => undefined;
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise<void>((resolve) => (release = resolve));
  const client = await Client.of(server);
  await client.write(put(server, '1', 'X-Request-Id: left\r\n'));
  client.socket.resetAndDestroy();
  const line = await server.lineOf('left');
  assert.deepEqual([line['aborted'], line['status']], [true, null]);
  release();
  const other = await Client.of(server);
  await other.write(get(server));
  assert.deepEqual(await other.answers(1), [200]);
}));

test('a client that sends no more after its request still gets the answer', () => withDirect(async (server) => {
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise((resolve) => setTimeout(resolve, 50));
  for (const text of [get(server), put(server, '1')]) {
    const client = await Client.of(server);
    client.socket.end(text);
    assert.deepEqual(await client.answers(1), [200]);
    await client.closed();
  }
}));

test('a server that closes ends idle connections at once, and others after their answers', () => withDirect(async (server) => {
  let release = (): void => undefined;
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise<void>((resolve) => (release = resolve));
  const [fresh, idle, busy] = [await Client.of(server), await Client.of(server), await Client.of(server)];
  await idle.write(get(server));
  await busy.write(put(server, '1'));
  const closing = server.server.close();
  await Promise.all([fresh.closed(), idle.closed()]);
  assert.deepEqual([busy.isClosed, busy.statuses], [false, []]);
  release();
  await closing;
  await busy.closed();
  assert.deepEqual(busy.statuses, [200]);
}));

test('a server that closes cuts off a request that takes longer than its limit', () => withDirect(async (server) => {
  server.projects.fakeStore('alpha').beforeSubmit = () => new Promise(() => undefined);
  const client = await Client.of(server);
  await client.write(put(server, '1'));
  await server.server.close();
  await client.closed();
  assert.deepEqual(client.statuses, []);
}, { http: { timeouts: { ...timeouts, shutdownMs: 50 } } }));

test('a request whose API key is not known yet is Node\'s at once', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  await client.write(get(server).replace(server.alphaKey, 'unknown-key'));
  assert.deepEqual(await client.answers(1), [401]);
  assert.deepEqual(ways, { direct: 1, left: 1 });
}));

test('a head beyond the limit of the configuration is refused as by Node', () => withDirect(async (server, ways) => {
  const client = await Client.of(server);
  await client.write(get(server, 'k', `X-Pad: ${'p'.repeat(700)}\r\n`));
  await client.write(get(server, 'k', `X-Pad: ${'p'.repeat(3000)}\r\n`));
  assert.deepEqual(await client.answers(2), [200, 431]);
  assert.deepEqual(ways, { direct: 1, left: 0 });
}, { http: { headerBytesMax: 1024 } }));

test('no connection is closed before the time that its answers state', () => withDirect(async (server) => {
  const keptMs = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 20));
    const client = await Client.of(server);
    client.socket.write(get(server));
    await client.answers(1);
    const answeredMs = performance.now();
    await client.closed();
    return performance.now() - answeredMs;
  }));
  // The client sees the answer a little later than the server sent it.
  assert.ok(Math.min(...keptMs) > 990, `${Math.min(...keptMs)} ms`);
  assert.ok(Math.max(...keptMs) < 3000, `${Math.max(...keptMs)} ms`);
}, { http: { timeouts: { ...timeouts, keepAliveMs: 1000 } } }));

for (const count of [1, 3]) {
  test(`requests that wait when the server closes are answered: ${count}`, () => withDirect(async (server) => {
    let release = (): void => undefined;
    server.projects.fakeStore('alpha').beforeSubmit = () => new Promise<void>((resolve) => (release = resolve));
    const client = await Client.of(server);
    await client.write(put(server, '1'));
    await client.write(count === 1 ? get(server) : get(server) + get(server, 'long') + get(server));
    server.state = 'stopping';
    const closing = server.server.close();
    release();
    await closing;
    await client.closed();
    assert.deepEqual(client.statuses, count === 1 ? [200, 503] : [200, 503, 503, 503]);
  }));
}

test('a client that reads nothing is waited for, and then gets all of it', () => withDirect(async (server) => {
  server.projects.fakeStore('alpha').values.entries.set('k', {
    value: `"${'y'.repeat(10_000)}"`, seq: 2, tag: 0, timeMs: 0, expiresAtMs: null,
  });
  const socket = await open(server.port);
  socket.pause();
  let sent = 0;
  // As much as the system keeps for a reader that does not read, and more.
  for (; sent < 3000 && socket.writableLength === 0; sent += 1) {
    socket.write(get(server));
    await new Promise((resolve) => setImmediate(resolve));
  }
  let bytes = 0;
  socket.on('data', (piece: Buffer) => void (bytes += piece.length));
  socket.resume();
  for (let attempt = 0; attempt < 1000 && bytes < sent * 10_000; attempt += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(bytes > sent * 10_000, `${bytes} bytes of ${sent} answers`);
  socket.destroy();
  await once(socket, 'close');
}));

test.run();
