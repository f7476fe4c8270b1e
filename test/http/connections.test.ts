import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { Connections } from '../../src/http/connections.js';
import { suite } from '../suite.js';
import { open } from './raw-client.js';
import { withServer, type TestServer } from './test-server.js';

const test = suite('connections');

const KEY = '/api/v1/projects/alpha/keys/k';
const FLOOD = 2000;
/** A few rounds of the event loop, each with some requests of the flood. */
const OVERTAKEN_MAX = 400;
/** Waiting requests of a connection. */
const WAITING_MAX = 64;
const SHORT = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
/** Node reads 64 KiB at once; one more may have begun before. */
const REQUESTS_PER_READ = Math.ceil(65_536 / SHORT.length) + 1;
const ENDLESS = 20_000;
const ANSWER = /HTTP\/1\.1 \d{3} /g;

function requestOf(server: TestServer, method: string, id: string): string {
  return `${method} ${KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${server.globalKey}\r\nX-Request-Id: ${id}\r\n\r\n`;
}

function answersIn(text: string): number {
  return [...text.matchAll(ANSWER)].length;
}

test('another client is answered after a few of the requests that one connection pipelines', () =>
  withServer(async (server) => {
    server.projects.fakeStore('alpha').values.entries.set('k', { value: '1', seq: 2, tag: 0, timeMs: 0, expiresAtMs: null });
    const flood = await open(server.port);
    let text = '';
    flood.on('data', (piece: Buffer) => void (text += piece.toString('latin1')));
    const other = await open(server.port);
    const order: string[] = [];
    const { keyring } = server;
    const lookUp = keyring.lookUp.bind(keyring);
    keyring.lookUp = (presented) => {
      order.push(presented);
      return lookUp(presented);
    };
    flood.write(requestOf(server, 'GET', 'flood').repeat(FLOOD));
    // The server reads the flood first, and this request while it answers it.
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (order.length === 0) return;
        clearInterval(timer);
        resolve();
      }, 0);
    });
    const begunBefore = order.length;
    other.write(requestOf(server, 'GET', 'other').replace(server.globalKey, server.alphaKey));
    await new Promise((resolve) => other.once('data', resolve));
    const overtaken = order.indexOf(server.alphaKey) - begunBefore;
    assert.ok(overtaken >= 0 && overtaken < OVERTAKEN_MAX, `${overtaken} requests of the flood came between`);
    while (answersIn(text) < FLOOD) await new Promise((resolve) => flood.once('data', resolve));
    assert.equal(answersIn(text), FLOOD);
    flood.destroy();
    other.destroy();
  }));

/** The part of a response that the class uses. */
class FakeResponse extends EventEmitter {
  readonly req: { readonly socket: PassThrough; readonly complete: boolean };

  constructor(socket: PassThrough) {
    super();
    this.req = { socket, complete: true };
  }
}

test('a connection with many waiting requests is not read until there are fewer', async () => {
  const connections = new Connections();
  const socket = new PassThrough();
  connections.add(socket as unknown as Socket);
  socket.resume();
  const begun: FakeResponse[] = [];
  for (let count = 1; count <= WAITING_MAX + 1; count += 1) {
    assert.equal(socket.isPaused(), false, `after ${count - 1}`);
    const response = new FakeResponse(socket);
    connections.begin(response as unknown as ServerResponse, () => void begun.push(response));
  }
  assert.deepEqual([socket.isPaused(), begun.length], [true, 1]);
  begun[0]?.emit('close');
  assert.equal(socket.isPaused(), false);
  // The others start one by one, in order.
  for (let count = 1; count <= WAITING_MAX; count += 1) {
    while (begun.length <= count) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(begun.length, count + 1);
    begun[count]?.emit('close');
  }
  socket.destroy();
});

test('a connection with many waiting requests is not read, although Node resumes it after each answer', async () => {
  const connections = new Connections();
  let [received, answered, waitingMax] = [0, 0, 0];
  const server = createServer((_, response) => {
    received += 1;
    waitingMax = Math.max(waitingMax, received - answered);
    response.on('close', () => void (answered += 1));
    connections.begin(response, () => void setImmediate(() => response.end('1')));
  });
  server.on('connection', (socket) => connections.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = await open((server.address() as AddressInfo).port);
  socket.resume();
  socket.write(SHORT.repeat(ENDLESS));
  // Until there would be many more, if each answer let more of them in.
  while (answered < REQUESTS_PER_READ) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(waitingMax <= WAITING_MAX + REQUESTS_PER_READ, `${waitingMax} requests waited`);
  while (answered < ENDLESS) await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  await connections.close(0);
  server.close();
});

test.run();
