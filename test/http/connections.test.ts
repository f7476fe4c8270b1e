/** Pipelined requests: one connection does not keep the others from their turn, and cannot pile up requests without end. */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { open } from './raw-client.js';
import { withServer, type TestServer } from './test-server.js';

const test = suite('connections');

const KEY = '/api/v1/projects/alpha/keys/k';
const FLOOD = 2000;
/** A few rounds of the event loop, each with a few of the flood's requests. */
const OVERTAKEN_MAX = 400;
/** More requests than the buffers of the system hold on the way. */
const PILED_UP = 80_000;
/** Long enough for a server that reads on to take them all. */
const READING_MS = 3000;
const ANSWER = /HTTP\/1\.1 \d{3} /g;

function requestOf(server: TestServer, method: string, id: string): string {
  return `${method} ${KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${server.globalKey}\r\nX-Request-Id: ${id}\r\n\r\n`;
}

function answersIn(text: string): number {
  return [...text.matchAll(ANSWER)].length;
}

test('another client is answered after a few of the requests that one connection sends without waiting', () =>
  withServer(async (server) => {
    server.projects.fakeStore('alpha').values.entries.set('k', { value: '1', seq: 2, timeMs: 0 });
    const flood = await open(server.port);
    let text = '';
    flood.on('data', (piece: Buffer) => void (text += piece.toString('latin1')));
    const other = await open(server.port);
    const order: string[] = [];
    const { keyring } = server;
    const identify = keyring.identify.bind(keyring);
    keyring.identify = async (...args) => {
      order.push(args[0]);
      return await identify(...args);
    };
    flood.write(requestOf(server, 'GET', 'flood').repeat(FLOOD));
    // The server sees the flood first, and this request while it works on it.
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

test('a connection whose first request takes its time is not read on without end, and goes on once it is answered', () =>
  withServer(async (server) => {
    const store = server.projects.fakeStore('alpha');
    store.values.entries.set('k', { value: '1', seq: 2, timeMs: 0 });
    let release = (): void => undefined;
    store.beforeSubmit = () => new Promise((resolve) => { release = resolve; });
    const slow = await open(server.port);
    let answered = 0;
    slow.on('data', (piece: Buffer) => void (answered += answersIn(piece.toString('latin1'))));
    slow.write(requestOf(server, 'DELETE', 'slow') + requestOf(server, 'GET', 'behind').repeat(PILED_UP));
    await new Promise((resolve) => setTimeout(resolve, READING_MS));
    // What the server has not read is still on our side, or in the system's buffers on the way.
    assert.ok(slow.writableLength > 0, 'everything was read');
    assert.equal(answered, 0);
    release();
    while (answered < FLOOD) await new Promise((resolve) => slow.once('data', resolve));
    slow.destroy();
  }));

test.run();
