import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { AppError } from '../../src/base/app-error.js';
import { silentLogger } from '../../src/base/logger.js';
import { AnswerBudget } from '../../src/http/answer-budget.js';
import { AnswerSender } from '../../src/http/answer-sender.js';
import { EventLoopTurns } from '../../src/http/event-loop-turns.js';
import { Exchange } from '../../src/http/exchange.js';
import { LongAnswers } from '../../src/http/long-answers.js';
import { answerInPlace } from '../../src/http/parser-fault.js';
import { suite } from '../suite.js';
import { codeOf, exchange, open, statusOf } from './raw-client.js';
import { withServer, type TestServer } from './test-server.js';

const test = suite('answer-sender');
const KEY = '/api/v1/projects/alpha/keys/k';
const LAST_CHUNK = '0\r\n\r\n';

function put(server: TestServer, headers: string, key: string = server.alphaKey): string {
  return `PUT ${KEY} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n${headers}\r\n`;
}

test('a refusal arrives although the announced body never does', () =>
  withServer(async (server) => {
    for (const [head, code] of [
      [put(server, 'Content-Length: 100000\r\n', 'wrong'), 'unauthorized'],
      [put(server, 'Content-Length: 100000000\r\n'), 'body_too_large'],
      [put(server, 'Content-Length: 100\r\nIf-Match: x\r\n'), 'invalid_precondition'],
      [put(server, 'Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n'), 'unsupported_content_encoding'],
    ] as const) {
      const { text, endedInOrder } = await exchange(server.port, head);
      assert.equal(codeOf(text), code);
      assert.match(text, /\r\nConnection: close\r\n/);
      assert.equal(endedInOrder, true, code);
    }
  }));

test('a refusal arrives completely although the body keeps arriving', () =>
  withServer(async (server) => {
    const body = Buffer.alloc(8_000_000, 0x20);
    const { text, endedInOrder } = await exchange(
      server.port,
      Buffer.concat([Buffer.from(put(server, `Content-Length: ${body.length}\r\n`)), body]),
    );
    assert.deepEqual([statusOf(text), codeOf(text), endedInOrder], [413, 'body_too_large', true]);
    assert.match(text, /"limit":1048576,"actual":8000000\}$/);
  }));

test('after a refusal the rest of the body is read for a moment instead of being reset', () =>
  withServer(async (server) => {
    const socket = await open(server.port);
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(put(server, 'Content-Length: 100000\r\n', 'wrong'));
    await answered;
    socket.resume();
    for (let piece = 0; piece < 3; piece += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.write(Buffer.alloc(1000));
    }
    await new Promise((resolve) => socket.once('close', resolve));
    assert.deepEqual(errors, []);
  }));

test('a chunked body that exceeds the limit is refused on the way', () =>
  withServer(
    async (server) => {
      const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
      const { text, endedInOrder } = await exchange(server.port, `${put(server, 'Transfer-Encoding: chunked\r\n')}${chunk.repeat(20)}`);
      assert.deepEqual([statusOf(text), codeOf(text), endedInOrder], [413, 'body_too_large', true]);
      const head = `POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nX-API-Key: ${server.globalKey}\r\n`;
      const settings = `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const answer = await exchange(server.port, `${settings}${chunk.repeat(80)}`);
      assert.deepEqual([statusOf(answer.text), codeOf(answer.text)], [413, 'body_too_large']);
    },
    { http: { valueBytesMax: 2000 } },
  ));

test('a refused request whose body has arrived keeps the connection open', () =>
  withServer(async (server) => {
    const first = `${put(server, 'Content-Length: 1\r\n', 'wrong')}1`;
    const second = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const { text } = await exchange(server.port, first + second);
    assert.match(text, /^HTTP\/1\.1 401 [^]*HTTP\/1\.1 200 OK/);
  }));

test('100 Continue is sent only when nothing but the body is left to check', () =>
  withServer(async (server) => {
    const expect = 'Expect: 100-continue\r\nContent-Length: 2\r\n';
    for (const head of [
      put(server, expect, 'wrong'),
      put(server, `${expect}If-Match: x\r\n`),
      put(server, 'Expect: 100-continue\r\nContent-Length: 99999999\r\n'),
    ]) {
      const { text } = await exchange(server.port, head);
      assert.ok(statusOf(text) >= 400, text);
    }
    const socket = await open(server.port);
    const answers: string[] = [];
    socket.on('data', (piece) => {
      answers.push(piece.toString());
      if (answers.length === 1) socket.write('42');
    });
    socket.write(put(server, `${expect}Connection: close\r\n`));
    await new Promise((resolve) => socket.once('close', resolve));
    assert.match(answers.join(''), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 Created\r\n/);
  }));

test('a body on a route that takes none is discarded', () =>
  withServer(async (server) => {
    const { text, endedInOrder } = await exchange(server.port, `GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nxxx`);
    assert.deepEqual([statusOf(text), endedInOrder], [200, true]);
  }));

/** A promise that the test resolves. */
function gateOf<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => void (resolve = settle));
  return { promise, resolve };
}

interface Sending {
  /** Sends these parts as the answer to one request. */
  readonly parts: () => AsyncGenerator<Buffer, void, undefined>;
  /** Called with the exchange once the answer is on its way, and with the client. */
  readonly meanwhile: (exchanged: Exchange, client: Socket) => Promise<void>;
}

/** One long answer over a real connection, and what `send()` came to; fails if it never settles or the response reports an error. */
async function sendParts({ parts, meanwhile }: Sending): Promise<{ readonly outcome: unknown; readonly text: string }> {
  const budget = new AnswerBudget({ bytesMax: 16_777_216 });
  const sender = new AnswerSender(new LongAnswers(budget, new EventLoopTurns(), silentLogger), { timeouts: { keepAliveMs: 5000 } });
  const sent = gateOf<Exchange>();
  let outcome: Promise<unknown> = Promise.resolve();
  const errors: unknown[] = [];
  const server = createServer((request, response) => {
    response.on('error', (error) => void errors.push(error));
    const exchanged = new Exchange(request, response, { requestId: 'r', remote: '127.0.0.1' });
    outcome = Promise.resolve(sender.send(exchanged, { status: 200, headers: [], body: parts() })).catch((error: unknown) => error);
    sent.resolve(exchanged);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = await open((server.address() as AddressInfo).port);
  let text = '';
  client.on('data', (piece: Buffer) => void (text += piece.toString('latin1'))).on('error', () => undefined);
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  try {
    await meanwhile(await sent.promise, client);
    const settled = await outcome;
    assert.deepEqual(errors, []);
    return { outcome: settled, text };
  } finally {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('an answer in parts is given up when the request was answered as a malformed one before the first part', async () => {
  const gate = gateOf<void>();
  const { outcome, text } = await sendParts({
    async* parts() {
      await gate.promise;
      for (let count = 0; count < 40; count += 1) yield Buffer.alloc(65_536, 0x31);
    },
    async meanwhile({ nodeResponse: response }, client) {
      answerInPlace(response, new AppError('bad_request', 'Cannot read the request'));
      gate.resolve();
      await once(client, 'close');
    },
  });
  assert.equal(outcome, undefined);
  assert.equal(codeOf(text), 'bad_request');
});

test('a part may be overwritten once the next one is asked for, however slowly the client reads', async () => {
  const sizes = [300_000, 10, 65_536, 1, 2_000_000, 100_000];
  const memory = Buffer.alloc(Math.max(...sizes));
  const { outcome, text } = await sendParts({
    async* parts() {
      for (const [number, size] of sizes.entries()) yield memory.subarray(0, size).fill(String(number));
    },
    async meanwhile(_exchanged, client) {
      let end = '';
      const isComplete = (): boolean => end === LAST_CHUNK;
      client.on('data', (piece: Buffer) => void (end = (end + piece.toString('latin1')).slice(-LAST_CHUNK.length)));
      while (!isComplete()) {
        client.pause();
        await new Promise((resolve) => setTimeout(resolve, 2));
        client.resume();
        if (!isComplete()) await once(client, 'data');
      }
    },
  });
  assert.equal(outcome, undefined);
  const chunks = text.slice(text.indexOf('\r\n\r\n') + 4).split('\r\n').filter((_, line) => line % 2 === 1);
  assert.ok(chunks.join('') === sizes.map((size, number) => String(number).repeat(size)).join(''));
});

test('an answer in parts ends, and so does its source, when the client leaves between two parts', async () => {
  const gate = gateOf<void>();
  let isEnded = false;
  const { outcome } = await sendParts({
    async* parts() {
      try {
        yield Buffer.from('first');
        await gate.promise;
        yield Buffer.alloc(65_536);
        yield Buffer.alloc(65_536);
      } finally {
        isEnded = true;
      }
    },
    async meanwhile({ nodeResponse: response }, client) {
      await once(client, 'data');
      client.destroy();
      await once(response, 'close');
      gate.resolve();
    },
  });
  assert.match(String(outcome), /The client left before the end of the answer/);
  assert.equal(isEnded, true);
});

test.run();
