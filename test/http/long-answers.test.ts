import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateApiKey } from '../../src/auth/api-key.js';
import { hashGenerated } from '../../src/auth/key-hash.js';
import { SlowConnection } from '../e2e/slow-request.js';
import { FAKE_TIME_MS } from './fake-projects.js';
import { type Answer, problemOf, withServer, type TestServer } from './test-server.js';
import { suite } from '../suite.js';

const test = suite('long-answers');

const ANSWER_BYTES_MAX = 20_000_000;
/** Two bytes each: more in bytes than in UTF-16 units, so the rest is reserved once the text is loaded. */
const LETTER = '\u00e9';
const STALLED_LETTERS = 4_000_000;
const WAITING_LETTERS = 1_900_000;
/** Far longer than a request needs until it waits for memory. */
const SETTLE_MS = 300;

function putLetters(server: TestServer, project: string, letters: number): void {
  const value = `"${LETTER.repeat(letters)}"`;
  server.projects.fakeStore(project).values.entries.set('long', { value, seq: 1, tag: 0, timeMs: FAKE_TIME_MS, expiresAtMs: null });
}

/** A reader that requests a long value and reads nothing of it. */
async function stall(server: TestServer): Promise<SlowConnection> {
  const reader = new SlowConnection(server.port);
  reader.setReading(false);
  reader.write(`GET /api/v1/projects/alpha/keys/long HTTP/1.1\r\nHost: x\r\nX-API-Key: ${server.alphaKey}\r\n\r\n`);
  await sleep(SETTLE_MS);
  return reader;
}

/** A stalled reader holds the whole budget, and an answer waits for it. */
async function waitForRoom(server: TestServer): Promise<{ readonly reader: SlowConnection; readonly pending: Promise<Answer> }> {
  putLetters(server, 'alpha', STALLED_LETTERS);
  putLetters(server, 'beta', WAITING_LETTERS);
  const reader = await stall(server);
  const pending = server.send('GET', '/api/v1/projects/beta/keys/long', { key: server.betaKey });
  await sleep(SETTLE_MS);
  return { reader, pending };
}

test('a caller whose API key is replaced while the answer waits for memory gets 401 and nothing of the value', () =>
  withServer(async (server) => {
    const { reader, pending } = await waitForRoom(server);
    server.keyring.setKey({ kind: 'project', project: 'beta' }, { hash: hashGenerated(generateApiKey('project')) });
    reader.destroy();
    const answer = await pending;
    assert.deepEqual([answer.status, problemOf(answer)['code']], [401, 'unauthorized']);
    assert.equal(answer.headers.etag, undefined);
    assert.equal(answer.headers['last-modified'], undefined);
  }, { http: { answerBytesMax: ANSWER_BYTES_MAX } }));

test('a value that waited for memory is sent completely', () =>
  withServer(async (server) => {
    const { reader, pending } = await waitForRoom(server);
    reader.destroy();
    const { status, headers, bytes } = await pending;
    assert.deepEqual([status, bytes.length, headers['content-length']], [200, WAITING_LETTERS * 2 + 2, String(WAITING_LETTERS * 2 + 2)]);
  }, { http: { answerBytesMax: ANSWER_BYTES_MAX } }));

test.run();
