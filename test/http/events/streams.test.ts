/** Streams of events over a real store in memory: what they begin with, what keeps them alive, and each way in which they end. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { generateApiKey } from '../../../src/auth/api-key.js';
import { hashGenerated } from '../../../src/auth/key-hash.js';
import { MemoryLog } from '../../../src/log/memory-log.js';
import type { ProjectStore } from '../../../src/store/project-store.js';
import { CONTEXT, create, set, storeInMemory, storeOver } from '../../store/created-store.js';
import { suite } from '../../suite.js';
import { EventReader, type ReaderOptions } from '../event-reader.js';
import { problemOf, withServer, type TestServer, type TestServerOptions } from '../test-server.js';

const test = suite('streams');
const EVENTS = '/api/v1/projects/alpha/events';
const LINES = 'application/x-ndjson';
const QUICK = { checkMs: 10 };

interface Streaming {
  readonly server: TestServer;
  readonly store: ProjectStore;
  /** Opens a stream. */
  readonly open: (query?: string, options?: Partial<ReaderOptions>) => EventReader;
}

/** Runs a test on a project with ten events. */
function withStreams(body: (streaming: Streaming) => Promise<void>, options: TestServerOptions = {}): Promise<void> {
  return withServer(async (server) => {
    const store = await storeInMemory();
    server.projects.realStores.set('alpha', store);
    await write(store, 9);
    const readers: EventReader[] = [];
    const open = (query = '', more: Partial<ReaderOptions> = {}): EventReader => {
      const reader = new EventReader({ port: server.port, path: `${EVENTS}?${query}`, key: server.alphaKey, ...more });
      readers.push(reader);
      return reader;
    };
    try {
      await body({ server, store, open });
    } finally {
      for (const reader of readers) reader.close();
    }
  }, { streamTimes: QUICK, ...options });
}

async function write(store: ProjectStore, count: number, value = '{"n":1.0}'): Promise<void> {
  for (let index = 0; index < count; index += 1) await store.submit(set(`k${index % 3}`, value), CONTEXT);
}

async function linesOf(store: ProjectStore, afterSeq = 0): Promise<string[]> {
  const lines: string[] = [];
  for await (const { events } of store.feed.read({ afterSeq, untilSeq: store.seq })) {
    lines.push(...events.map(({ text }) => text.toString()));
  }
  return lines;
}

const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('server-sent events are the lines of the log with ids, then live ones', () => withStreams(async ({ store, open }) => {
  const reader = open('since=8');
  const { headers, statusCode } = await reader.response;
  assert.equal(statusCode, 200);
  assert.deepEqual(
    ['content-type', 'cache-control', 'x-accel-buffering', 'vary', 'content-length'].map((name) => headers[name]),
    ['text/event-stream; charset=utf-8', 'no-store, no-transform', 'no', 'Accept', undefined],
  );
  assert.deepEqual((await reader.frame('live')).data, '{"seq":10}');
  await write(store, 2);
  await reader.until('two more events', ({ seqs }) => seqs.length === 4);
  assert.deepEqual(reader.events, await linesOf(store, 8));
  const hashes = reader.events.map((line) => line.slice(-66, -58));
  assert.deepEqual(reader.frames.filter(({ id }) => id !== undefined).map(({ id, event }) => [id, event]),
    hashes.map((hash, index) => [`${9 + index}-${hash}`, 'set']));
  assert.equal(reader.frames.filter(({ event }) => event === 'live').length, 1);
}));

test('Last-Event-ID continues after an event, and a foreign one resets', () => withStreams(async ({ server, store, open }) => {
  const first = open('since=3');
  await first.frame('live');
  const id = first.frames.find((frame) => frame.id?.startsWith('7-'))?.id ?? '';
  const again = open('since=0', { headers: { 'Last-Event-ID': id } });
  await again.frame('live');
  assert.deepEqual(again.seqs, [8, 9, 10]);
  for (const foreign of ['7-00000000', '11', '999-01234567']) {
    const reset = open('', { headers: { 'Last-Event-ID': foreign } });
    assert.deepEqual(JSON.parse((await reset.frame('reset')).data), { log_id: store.logId, oldest_seq: 1, last_seq: 10 }, foreign);
    assert.equal(await reset.end(), 'ended');
  }
  for (const malformed of ['-1', '1e99', 'now', '', '7-', '2026-11-22T10:00:00Z', '7-01234567, 8-01234567']) {
    const answer = await server.send('GET', EVENTS, { headers: { 'Accept': 'text/event-stream', 'Last-Event-ID': malformed } });
    assert.deepEqual([answer.status, problemOf(answer)['code']], [400, 'invalid_query'], malformed);
  }
  assert.equal((await server.send('GET', EVENTS, { headers: { 'Last-Event-ID': 'x' } })).status, 200, 'a page has no such header');
}));

test('a position before the kept history resets, and so does a reader that is overtaken', () => withServer(async (server) => {
  const log = new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef', keptBytesMax: 2000 });
  const store = storeOver(log);
  await store.submit(create(), CONTEXT);
  server.projects.realStores.set('alpha', store);
  await write(store, 30);
  const reader = new EventReader({ port: server.port, path: `${EVENTS}?since=0`, key: server.alphaKey });
  assert.equal((JSON.parse((await reader.frame('reset')).data) as { oldest_seq: number }).oldest_seq, store.feed.oldestSeq);
  const follower = new EventReader({ port: server.port, path: `${EVENTS}?since=now`, key: server.alphaKey });
  await follower.frame('live');
  await follower.stall();
  const long = set('k', `"${'x'.repeat(1000)}"`);
  for (let round = 0; round < 40; round += 1) await Promise.all(Array.from({ length: 50 }, () => store.submit(long, CONTEXT)));
  (await follower.response).resume();
  await follower.frame('reset');
  assert.equal(await follower.end(), 'ended');
  const seqs = follower.seqs;
  assert.deepEqual(seqs, upTo(seqs.at(-1) ?? 0, 32), 'what came before the reset has no gap');
}));

test('lines are those of the log, and a whole answer names what they are chained to', () => withStreams(async ({ store, open }) => {
  const reader = open('', { accept: LINES });
  const { headers } = await reader.response;
  assert.deepEqual([headers['content-type'], headers['simplekv-log-id'], headers['simplekv-prev']],
    [`${LINES}; charset=utf-8`, store.logId, await store.feed.hashAt(0)]);
  assert.equal(await reader.end(), 'ended');
  assert.deepEqual(reader.lines, await linesOf(store));
  const part = open('since=4&until=8', { accept: LINES });
  assert.equal((await part.response).headers['simplekv-prev'], await store.feed.hashAt(4));
  await part.end();
  assert.deepEqual(part.seqs, [5, 6, 7, 8]);
  for (const [query, expected] of [['order=desc&limit=2', [10, 9]], ['key=k0&limit=2', [2, 5]], ['limit=3', [1, 2, 3]]] as const) {
    const some = open(query, { accept: LINES });
    assert.equal((await some.response).headers['simplekv-prev'] !== undefined, query === 'limit=3', query);
    assert.equal(await some.end(), 'ended');
    assert.deepEqual(some.seqs, expected, query);
  }
}));

test('lines that are followed go on', () => withStreams(async ({ server, store, open }) => {
  const reader = open('since=9&follow=true', { accept: LINES });
  await reader.until('the last line', ({ seqs }) => seqs.length === 1);
  await write(store, 3);
  await reader.until('three more', ({ seqs }) => seqs.length === 4);
  assert.deepEqual(reader.lines, await linesOf(store, 9));
  server.pipeline.endStreams();
  assert.equal(await reader.end(), 'ended');
}));

test('HEAD has the headers of a stream and ends', () => withStreams(async ({ server }) => {
  for (const Accept of ['text/event-stream', LINES]) {
    const answer = await server.send('HEAD', EVENTS, { headers: { Accept } });
    assert.deepEqual([answer.status, answer.text, String(answer.headers['content-type']).startsWith(Accept)], [200, '', true]);
  }
}));

test('a stream in which nothing matches is bookmarked, and one without news has heartbeats', () => withStreams(async ({ store, open }) => {
  const silent = open('since=now');
  const filtered = open('since=now&key=absent');
  await Promise.all([silent.frame('live'), filtered.frame('live')]);
  await write(store, 1);
  const { id, data } = await filtered.frame('bookmark');
  assert.equal(id, `11-${(await store.feed.hashAt(11)).slice(0, 8)}`);
  assert.equal(data, '{"seq":11}');
  await silent.until('a heartbeat', ({ heartbeats }) => heartbeats > 1);
  await filtered.until('a heartbeat', ({ heartbeats }) => heartbeats > 1);
  assert.equal(filtered.frames.filter(({ event }) => event === 'bookmark').length, 1);
  assert.equal(silent.frames.filter(({ event }) => event === 'bookmark').length, 0);
}, { streamTimes: { ...QUICK, quietMs: 40 } }));

test('every thousand events that do not match are bookmarked', () => withStreams(async ({ store, open }) => {
  await Promise.all(Array.from({ length: 5000 }, () => store.submit(set('k'), CONTEXT)));
  const reader = open('op=delete');
  await reader.frame('live');
  const marks = reader.frames.filter(({ event }) => event === 'bookmark').map(({ data }) => (JSON.parse(data) as { seq: number }).seq);
  assert.ok(marks.length >= 3 && marks.length <= 5, marks.join());
}));

for (const accept of ['text/event-stream', LINES]) {
  const follow = accept === LINES ? '&follow=true' : '';
  /** Lines have no event for a reason: only an end after which a client may go on at once looks like one. */
  const endsWith = async (reader: EventReader, reason: string): Promise<void> => {
    const ending = await reader.end();
    if (accept === LINES) {
      assert.equal(ending, reason === 'max_age' || reason === 'shutting_down' ? 'ended' : 'cut off', reason);
      return;
    }
    assert.equal(ending, 'ended');
    assert.deepEqual(JSON.parse(reader.frames.at(-1)?.data ?? ''), { reason, retry_after_seconds: 2 });
    assert.equal(reader.frames.at(-1)?.event, 'bye');
  };
  const opened = async ({ store, open }: Streaming): Promise<EventReader> => {
    const reader = open(`since=9${follow}`, { accept });
    await reader.until('the last event', ({ seqs }) => seqs.length === 1);
    assert.equal(store.seq, 10);
    return reader;
  };

  test(`${accept}: an API key that is replaced ends its streams, without a further event`, () => withStreams(async (streaming) => {
    const { server, store } = streaming;
    const reader = await opened(streaming);
    server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(generateApiKey('project')) });
    await write(store, 3);
    await endsWith(reader, 'key_ended');
    assert.deepEqual(reader.seqs, [10]);
  }));

  test(`${accept}: a project that is deleted ends its streams`, () => withStreams(async (streaming) => {
    const reader = await opened(streaming);
    streaming.server.projects.remove('alpha');
    await endsWith(reader, 'project_deleted');
  }));

  test(`${accept}: a stop of the server ends its streams at once`, () => withStreams(async (streaming) => {
    const reader = await opened(streaming);
    const startedMs = performance.now();
    streaming.server.pipeline.endStreams();
    await endsWith(reader, 'shutting_down');
    assert.ok(performance.now() - startedMs < 3000);
    const refused = await streaming.server.send('GET', EVENTS, { headers: { Accept: 'text/event-stream' } });
    assert.equal(refused.status, 503);
  }));

  test(`${accept}: a stream does not become older than its age`, () => withStreams(async (streaming) => {
    await endsWith(await opened(streaming), 'max_age');
  }, { streamTimes: { ...QUICK, ageMs: 300 } }));

  test(`${accept}: a reader that takes nothing is cut off, and one that is slow is not`, () => withStreams(async (streaming) => {
    const { store, open } = streaming;
    const stalled = open(`since=now${follow}`, { accept });
    const slow = open(`since=now${follow}`, { accept });
    await Promise.all([stalled.response, slow.response]);
    await stalled.stall();
    const value = `"${'x'.repeat(200_000)}"`;
    for (let index = 0; index < 60; index += 1) {
      await write(store, 1, value);
      await delay(5);
    }
    (await stalled.response).once('close', () => void (stalled.ending ??= 'cut off'));
    await slow.until('all events', ({ seqs }) => seqs.length === 60);
    await streaming.server.lineOf(String((await stalled.response).headers['x-request-id']));
    assert.equal(slow.ending, undefined);
  }, { streamTimes: { ...QUICK, stallMs: 400 } }));
}

test('there are so many streams for a caller and in all', () => withStreams(async ({ server, open }) => {
  const headers = { Accept: 'text/event-stream' };
  const ofAlpha = [open(), open(`since=0&follow=true`, { accept: LINES })];
  await Promise.all(ofAlpha.map(({ response }) => response));
  const refused = await server.send('GET', EVENTS, { key: server.alphaKey, headers });
  const problem = problemOf(refused);
  assert.deepEqual([refused.status, problem['code'], problem['limit'], refused.headers['retry-after']], [429, 'too_many_streams', 2, '5']);
  assert.equal((await server.send('GET', `${EVENTS}?wait_seconds=1&since=now`, { key: server.alphaKey })).status, 429);
  assert.equal((await server.send('GET', EVENTS, { key: server.alphaKey })).status, 200, 'a page is no stream');
  const ofGlobal = open('', { key: server.globalKey });
  assert.equal((await ofGlobal.response).statusCode, 200);
  const beyond = problemOf(await server.send('GET', EVENTS, { headers }));
  assert.deepEqual([beyond['code'], beyond['limit']], ['too_many_streams', 3]);
  ofAlpha[0]?.close();
  for (let tries = 0; tries < 200; tries += 1) {
    const again = open('', { key: server.alphaKey });
    const { statusCode } = await again.response;
    if (statusCode === 200) return;
    await delay(10);
  }
  assert.fail('a place became free');
}, { http: { streamsMax: 3, streamsPerCallerMax: 2 } }));

test('a waiting request ends with an empty page at a stop, and with 401 when its API key ends', () => withStreams(async ({ server }) => {
  const revoked = server.send('GET', `${EVENTS}?since=now&wait_seconds=60`, { key: server.alphaKey });
  await delay(50);
  server.keyring.setKey({ kind: 'project', project: 'alpha' }, { hash: hashGenerated(generateApiKey('project')) });
  assert.equal((await revoked).status, 401);
  const waiting = server.send('GET', `${EVENTS}?since=now&wait_seconds=60`);
  await delay(50);
  server.pipeline.endStreams();
  assert.equal((await waiting).text, '{"events":[],"last_seq":10}');
}));

test('a fault after the head breaks the connection and is logged', () => withStreams(async ({ server, store, open }) => {
  const { log } = { log: new MemoryLog({ project: 'alpha', logId: store.logId }) };
  await log.append([{ op: 'delete', actor: 'a', request: 'r', body: '"key":"k"' }], 0);
  const { LogCorruptError } = await import('../../../src/log/log-errors.js');
  log.newest = () => undefined;
  log.scan = async function* scan() {
    await delay(1);
    yield* [];
    throw new LogCorruptError({ file: 'alpha.jsonl', offset: 7 }, 'a line', 'another');
  };
  const { EventFeed } = await import('../../../src/store/event-feed.js');
  Object.defineProperty(store, 'feed', { value: new EventFeed(() => log) });
  for (const [accept, query] of [['text/event-stream', ''], [LINES, 'key=k'], [LINES, 'follow=true&key=k']] as const) {
    const reader = open(query, { accept });
    assert.equal(await reader.end(), 'cut off', accept);
  }
  const logged = server.lines.filter(({ level }) => level === 'error');
  assert.equal(logged.length, 3);
  assert.equal(logged[0]?.['msg'], 'an event stream was cut off: a line of the log could not be read');
  assert.equal((await server.send('GET', `${EVENTS}?key=k`)).status, 503);
}));

test.run();
