/** The routes of backups: what a client gets, and when a backup ends before its last byte. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { suite } from '../../suite.js';
import { fakePieces } from '../fake-projects.js';
import { problemOf, type TestServer, withServer } from '../test-server.js';

const test = suite('backup-routes');
const TIME_MS = Date.UTC(2026, 10, 22, 10, 0, 3, 5);

/** Lets a server make such a backup; returns how often it was given back. */
function provide(server: TestServer, pieces: AsyncIterable<Buffer>, sizeBytes: number): { released: number } {
  const seen = { released: 0 };
  const release = (): void => void (seen.released += 1);
  server.projects.madeBackup = { sizeBytes, timeMs: TIME_MS, pieces: () => pieces, release };
  return seen;
}

async function eventually(what: string, look: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000 && !look(); attempt += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(look(), what);
}

/** Begins to read a backup, and takes nothing of it. */
async function open(server: TestServer): Promise<IncomingMessage> {
  const headers = { Authorization: `Bearer ${server.globalKey}` };
  const asked = request({ port: server.port, host: '127.0.0.1', path: '/api/v1/backup', headers, agent: false });
  asked.on('error', () => undefined);
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
}

test('a backup is sent piece by piece, with its length and a name, and its files are given back', () => withServer(async (server) => {
  const pieces = [Buffer.from('head'), Buffer.alloc(300_000, 'x'), Buffer.alloc(0), Buffer.from('end')];
  const whole = Buffer.concat(pieces);
  for (const [target, name] of [['/api/v1/backup', 'all'], ['/api/v1/projects/alpha/backup', 'alpha']] as const) {
    const seen = provide(server, fakePieces(pieces), whole.length);
    const answer = await server.send('GET', target);
    assert.equal(answer.status, 200);
    assert.ok(answer.bytes.equals(whole));
    assert.equal(answer.headers['content-type'], 'application/x-tar');
    assert.equal(answer.headers['content-length'], String(whole.length));
    assert.equal(answer.headers['content-disposition'], `attachment; filename="simplekv-${name}-20261122T100003Z.tar"`);
    assert.equal(answer.headers['cache-control'], 'no-store');
    await eventually('release', () => seen.released === 1);
    const head = await server.send('HEAD', target);
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(whole.length)]);
    await eventually('release', () => seen.released === 2);
  }
}));

test('a project in memory has no backup, and a query is refused', () => withServer(async (server) => {
  server.projects.add('memory', { storage: { on_disk: false } });
  assert.equal(problemOf(await server.send('GET', '/api/v1/projects/memory/backup'))['code'], 'not_on_disk');
  assert.equal(problemOf(await server.send('GET', '/api/v1/backup?x=1'))['code'], 'invalid_query');
  assert.equal(problemOf(await server.send('GET', '/api/v1/backup', { key: server.alphaKey }))['code'], 'forbidden');
}));

test('where a file cannot be read any more, the connection breaks', () => withServer(async (server) => {
  async function* pieces(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(Buffer.from('some'));
    throw new Error('gone');
  }
  const seen = provide(server, pieces(), 1000);
  await assert.rejects(server.send('GET', '/api/v1/backup'));
  await eventually('release', () => seen.released === 1);
}));

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield await Promise.resolve(Buffer.alloc(65_536));
}

test('a client that takes nothing, or takes too long, is cut off, and its files are given back', async () => {
  for (const streamTimes of [{ stallMs: 200, checkMs: 20 }]) {
    await withServer(async (server) => {
      const seen = provide(server, endless(), Number.MAX_SAFE_INTEGER);
      await open(server);
      await eventually('release', () => seen.released === 1);
    }, { streamTimes });
  }
});

test('a client that leaves ends its backup', () => withServer(async (server) => {
  const seen = provide(server, endless(), Number.MAX_SAFE_INTEGER);
  const response = await open(server);
  response.destroy();
  await eventually('release', () => seen.released === 1);
}));

test('an API key that ends cuts a backup off', () => withServer(async (server) => {
  const seen = provide(server, endless(), Number.MAX_SAFE_INTEGER);
  const response = await open(server);
  server.keyring.setKey({ kind: 'global' }, null);
  response.resume();
  await eventually('release', () => seen.released === 1);
}));

test('a shutdown ends a backup', () => withServer(async (server) => {
  const seen = provide(server, endless(), Number.MAX_SAFE_INTEGER);
  const response = await open(server);
  server.pipeline.endStreams();
  response.resume();
  await eventually('release', () => seen.released === 1);
}));

test('backups count as streams', () => withServer(async (server) => {
  provide(server, endless(), Number.MAX_SAFE_INTEGER);
  const response = await open(server);
  const problem = problemOf(await server.send('GET', '/api/v1/backup'));
  assert.deepEqual([problem['code'], problem['limit']], ['too_many_streams', 1]);
  response.destroy();
}, { http: { streamsPerCallerMax: 1 } }));

test.run();
