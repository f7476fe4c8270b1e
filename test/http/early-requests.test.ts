/** Requests that arrive after the server listens and before the app exists. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/logger.js';
import { HttpServer } from '../../src/http/http-server.js';
import { suite } from '../suite.js';
import { DEFAULT_HTTP_OPTIONS } from './default-http-options.js';
import { codeOf, exchange, statusOf } from './raw-client.js';

const test = suite('early-requests');

const REQUEST = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
/** Longer than the server needs to read the requests. */
const SETTLE_MS = 50;

interface EarlyRequests {
  readonly server: HttpServer;
  readonly answers: Promise<readonly { readonly text: string }[]>;
}

async function beginEarly(isDocumented: boolean): Promise<EarlyRequests> {
  const server = new HttpServer({ options: { ...DEFAULT_HTTP_OPTIONS, port: 0 }, logger: silentLogger });
  const { port } = await server.listen();
  const answers = Promise.all([exchange(port, REQUEST, { isDocumented }), exchange(port, REQUEST, { isDocumented })]);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return { server, answers };
}

test('early requests wait, and are answered by the app', async () => {
  const { server, answers } = await beginEarly(false);
  server.serve((_request, response) => void response.end('by the app'));
  for (const { text } of await answers) assert.match(text, /^HTTP\/1\.1 200 [^]*by the app/);
  await server.close();
});

test('if startup fails early requests are answered, and close() does not wait for them', async () => {
  const { server, answers } = await beginEarly(true);
  await server.close();
  for (const { text } of await answers) assert.deepEqual([statusOf(text), codeOf(text)], [503, 'shutting_down']);
});

test.run();
