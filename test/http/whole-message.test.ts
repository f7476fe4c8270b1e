/** Answers in one write beside the same answers of Node. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepsHead, sendInOneWrite } from '../../src/http/whole-message.js';
import { suite } from '../suite.js';
import { exchange } from './raw-client.js';

const test = suite('whole-message');

interface Message {
  readonly status: number;
  readonly headers: string[];
  readonly body: string | Buffer;
}

function sendOfNode(response: ServerResponse, { status, headers, body }: Message): boolean {
  response.writeHead(status, headers);
  response.end(body);
  return true;
}

/** Answers what is sent over one connection, once in each way, and gives both texts without their dates. */
async function bothTexts(
  message: Message, sent: string | Buffer, keepAliveMs = 5000,
): Promise<{ readonly own: string; readonly node: string; readonly isSent: boolean }> {
  let isSent = true;
  const sizeBytes = Buffer.byteLength(message.body);
  const ways = [
    (response: ServerResponse): boolean => sendInOneWrite(response, { ...message, sizeBytes, keepAliveMs }),
    (response: ServerResponse): boolean => sendOfNode(response, message),
  ];
  const [own = '', node = ''] = await Promise.all(ways.map(async (send) => {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      request.resume();
      // The last one ends the connection.
      if (request.url === '/end') return void response.writeHead(200, { Connection: 'close' }).end();
      if (!send(response)) {
        isSent = false;
        assert.equal(response.headersSent, false);
        sendOfNode(response, message);
      }
    };
    const server = createServer({ keepAliveTimeout: keepAliveMs }, serve).on('checkContinue', serve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { text } = await exchange((server.address() as AddressInfo).port, sent, { isDocumented: false });
      return text.replaceAll(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/gm, 'Date');
    } finally {
      server.close();
    }
  }));
  return { own, node, isSent };
}

const ended = (head: string): string => `${head}GET /end HTTP/1.1\r\nHost: x\r\n\r\n`;
const withLength = (status: number, body: string | Buffer, more: readonly string[] = []): Message => (
  { status, headers: ['X-One', '1', ...more, 'Content-Length', String(Buffer.byteLength(body))], body }
);
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('this version of Node keeps the head of an answer where it is expected', () => {
  assert.equal(keepsHead, true);
});

test('an answer in one write has the bytes that Node would send', async () => {
  const bytes = [Buffer.from('"é😀"'), Buffer.from([0, 0x80, 0xff])];
  const texts: readonly (string | Buffer)[] = ['', '1', '"x\u00ff\u0100\u2028😀"', '\ud800', ...bytes];
  const requests = [
    GET, 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', GET.repeat(20),
    'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}',
  ];
  for (const request of requests) {
    for (const body of texts) {
      const message = withLength(200, body, ['X-Tab', 'a\tb']);
      const { own, node, isSent } = await bothTexts(request.startsWith('HEAD') ? { ...message, body: '' } : message, ended(request));
      assert.equal(own, node);
      assert.ok(isSent && own.startsWith('HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Tab: a\tb\r\n'), own);
    }
  }
  for (const status of [201, 404, 412, 599]) {
    const { own, node, isSent } = await bothTexts(withLength(status, '{}'), ended(GET), 0);
    assert.equal(own, node);
    assert.ok(isSent);
  }
});

test('an answer that ends its connection is left to Node, and so is one to a client that waits with its body', async () => {
  const ends = [
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'GET / HTTP/1.0\r\n\r\n',
    'PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
  ];
  for (const request of ends) {
    const { own, node, isSent } = await bothTexts(withLength(200, '1'), request);
    assert.equal(own, node);
    assert.equal(isSent, false);
  }
});

test('a header that would split an answer is refused', () => {
  const response = { shouldKeepAlive: true, req: { headers: {} } } as unknown as ServerResponse;
  for (const value of ['a\r\nSet-Cookie: b', 'a\nb', 'a\0', '\u00e9', '\u0100', '\u007f']) {
    assert.equal(sendInOneWrite(response, { status: 200, headers: ['X-One', value], body: '', sizeBytes: 0, keepAliveMs: 0 }), false);
  }
});

test.run();
