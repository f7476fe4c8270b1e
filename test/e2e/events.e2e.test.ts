/**
 * The event feed of the built program: clients that follow a project while it is written, rotated, compacted, compressed, cut by retention,
 * moved, killed and started again have every line of its log once, in order and byte for byte.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventReader } from '../http/event-reader.js';
import { suite } from '../suite.js';
import { readLogFiles } from './log-files.js';
import { problemOf, until, withWorkbench, type ServerUnderTest, type Workbench } from './server-under-test.js';

const test = suite('events.e2e');
const P = '/api/v1/projects/p';
const EVENTS = `${P}/events`;
const LINES = 'application/x-ndjson';
const LONG_TIMEOUT_MS = 150_000;
const SMALL = { segment_bytes: 4096 };

/** A client that continues after the last event that it has whenever its stream ends. */
class Follower {
  readonly lines: string[] = [];
  /** How often it had to start anew. */
  resets = 0;
  connections = 0;
  #reader: EventReader | undefined;
  #lastId: string | undefined;
  #taken = 0;
  #isOver = false;
  readonly #where: () => { readonly port: number; readonly key: string | null };
  readonly done: Promise<void>;

  constructor(where: () => { readonly port: number; readonly key: string | null }) {
    this.#where = where;
    this.done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const headers = this.#lastId === undefined ? {} : { 'Last-Event-ID': this.#lastId };
      const reader = new EventReader({ ...this.#where(), path: `${EVENTS}?since=0`, headers });
      this.#reader = reader;
      this.#taken = 0;
      this.connections += 1;
      while (reader.ending === undefined && !this.#isOver) {
        this.#take(reader);
        await sleep(5);
      }
      this.#take(reader);
      reader.close();
      await sleep(20);
    }
  }

  #take(reader: EventReader): void {
    const { events, frames } = reader;
    for (const line of events.slice(this.#taken)) this.lines.push(line);
    this.#taken = events.length;
    this.#lastId = reader.lastId ?? this.#lastId;
    if (frames.some(({ event }) => event === 'reset')) {
      this.resets += 1;
      throw new Error(`A reset was not expected: ${JSON.stringify(frames.at(-1))}`);
    }
  }

  /** Breaks the connection; the client connects again. */
  interrupt(): void {
    this.#reader?.close();
  }

  async has(count: number): Promise<void> {
    const hasThem = (): true | undefined => (this.lines.length >= count ? true : undefined);
    await Promise.race([until(`${count} events, of which ${this.lines.length} came`, hasThem), this.done]);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#reader?.close();
    await this.done;
  }
}

function caller(server: ServerUnderTest, key: string) {
  return async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await server.send(method, path, { key, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
  };
}

/** Writes keys until it is stopped; a write that fails because the server was killed is made again. */
class Writer {
  #isOver = false;
  writes = 0;
  readonly done: Promise<void>;

  constructor(server: () => ServerUnderTest, key: string, name: string) {
    this.done = this.#run(server, key, name);
  }

  async #run(server: () => ServerUnderTest, key: string, name: string): Promise<void> {
    for (let index = 0; !this.#isOver; index += 1) {
      const body = JSON.stringify({ index, text: `é ${'x'.repeat((index * 37) % 300)}` });
      const answer = await server().send('PUT', `${P}/keys/${name}${index % 9}`, { key, body }).catch(() => undefined);
      if (answer?.status === 200 || answer?.status === 201) this.writes += 1;
      else await sleep(10);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.done;
  }
}

async function startedOn(bench: Workbench, storage: object = SMALL, settings: object = {}): Promise<ServerUnderTest> {
  bench.configure([{ id: 'p', storage }], settings);
  return await bench.start();
}

test('followers have every line through rotations, compactions, kills and restarts', () => withWorkbench(async (bench) => {
  let server = await startedOn(bench);
  const [key, global] = [server.key('p'), server.key('global')];
  const followers = [1, 2, 3].map(() => new Follower(() => ({ port: server.port, key })));
  for (const [round, way] of (['kill', 'compact', 'stop', 'kill', 'compact', 'kill'] as const).entries()) {
    const writers = ['a', 'b', 'c'].map((name) => new Writer(() => server, key, name));
    await sleep(400);
    followers[round % 2]?.interrupt();
    await until('writes', () => (writers.every(({ writes }) => writes > 10) ? true : undefined));
    if (way === 'compact') await caller(server, global)('POST', `${P}/compact`);
    else {
      if (way === 'kill') await server.kill();
      else {
        server.process.kill('SIGTERM');
        assert.equal((await server.ended).code, 0);
      }
      server = await bench.start();
    }
    await sleep(100);
    await Promise.all(writers.map((writer) => writer.stop()));
  }
  const { events, segmentCount } = readLogFiles(bench.path('data'), 'p');
  assert.ok(segmentCount > 5, `${segmentCount} segments`);
  for (const follower of followers) {
    await follower.has(events.length);
    await follower.end();
    assert.deepEqual(follower.lines, events.map(({ line }) => line));
    assert.ok(follower.connections > 3);
  }
  const whole = await server.send('GET', EVENTS, { key, headers: { Accept: LINES } });
  assert.equal(whole.text, events.map(({ line }) => `${line}\n`).join(''));
}), { timeoutMs: LONG_TIMEOUT_MS });

test('a project keeps its streams open when it moves between disk and memory', () => withWorkbench(async (bench) => {
  const server = await startedOn(bench);
  const [key, global] = [server.key('p'), server.key('global')];
  const ask = caller(server, global);
  const readers = [
    new EventReader({ port: server.port, key, path: EVENTS }),
    new EventReader({ port: server.port, key, path: `${EVENTS}?follow=true`, accept: LINES }),
  ];
  for (const reader of readers) bench.defer(() => reader.close());
  for (const isOnDisk of [true, false, true, false]) {
    await ask('PUT', P, { storage: { on_disk: isOnDisk } });
    const writer = new Writer(() => server, key, 'k');
    await sleep(150);
    await writer.stop();
  }
  const { seq } = await ask('GET', P);
  for (const reader of readers) {
    await reader.until('all events', ({ seqs }) => seqs.length >= Number(seq));
    assert.deepEqual(reader.seqs, Array.from({ length: Number(seq) }, (_, index) => index + 1));
    assert.equal(reader.ending, undefined);
  }
  const gone = problemOf(await server.send('GET', `${EVENTS}?since=0`, { key }));
  assert.deepEqual([gone['status'], gone['code'], gone['snapshot_seq']], [410, 'history_gone', null]);
  const kept = JSON.parse((await server.send('GET', `${EVENTS}?limit=1`, { key })).text) as { events: { seq: number }[] };
  assert.equal(kept.events[0]?.seq, gone['oldest_seq']);
}), { timeoutMs: LONG_TIMEOUT_MS });

for (const compress of ['none', 'gzip'] as const) {
  test(`retention with compression ${compress} takes only what it may from readers`, () => withWorkbench(async (bench) => {
    const server = await startedOn(bench, { ...SMALL, retention: { max_bytes: compress === 'gzip' ? 1_000_000 : 9000, compress } });
    const [key, global] = [server.key('p'), server.key('global')];
    const ask = caller(server, global);
    const follower = new EventReader({ port: server.port, key, path: EVENTS });
    bench.defer(() => follower.close());
    const write = async (): Promise<void> => {
      for (let index = 0; index < 60; index += 1) await ask('PUT', `${P}/keys/k${index % 7}`, { index });
    };
    for (let round = 0; round < 3; round += 1) {
      await write();
      await ask('POST', `${P}/compact`);
    }
    await follower.until('all events', ({ seqs }) => seqs.length === 181);
    assert.equal(follower.ending, undefined);
    const all = follower.events;
    const page = JSON.parse((await server.send('GET', `${EVENTS}?limit=1`, { key })).text) as { events: { seq: number }[] };
    const oldest = page.events[0]?.seq ?? 0;
    assert.equal(oldest > 1, compress === 'none');
    const lines = await server.send('GET', EVENTS, { key, headers: { Accept: LINES } });
    assert.equal(lines.text, all.slice(oldest - 1).map((line) => `${line}\n`).join(''));
    const history = await server.send('GET', `${EVENTS}?key=k3&order=desc&limit=1000`, { key });
    const ofKey = all.slice(oldest - 1).filter((line) => line.includes('"key":"k3"')).reverse();
    assert.equal(history.text, `{"events":[${ofKey.join(',')}],"last_seq":181}`);
    if (compress === 'gzip') return;
    assert.equal((await server.send('GET', `${EVENTS}?since=0`, { key })).status, 410);
    const reset = new EventReader({ port: server.port, key, path: EVENTS, headers: { 'Last-Event-ID': '1-00000000' } });
    assert.equal((JSON.parse((await reset.frame('reset')).data) as { oldest_seq: number }).oldest_seq, oldest);
  }), { timeoutMs: LONG_TIMEOUT_MS });
}

test('a replaced API key, a deletion and a stop end streams with their reason', () => withWorkbench(async (bench) => {
  const server = await startedOn(bench);
  const global = server.key('global');
  const ask = caller(server, global);
  const reasonOf = async (reader: EventReader): Promise<string> => {
    const { data } = await reader.frame('bye');
    assert.equal(await reader.end(), 'ended');
    return (JSON.parse(data) as { reason: string }).reason;
  };
  const open = async (key: string, path = EVENTS): Promise<EventReader> => {
    const reader = new EventReader({ port: server.port, key, path });
    bench.defer(() => reader.close());
    await reader.frame('live');
    return reader;
  };
  const replaced = await open(server.key('p'));
  await ask('POST', `${P}/api-key/regenerate`);
  assert.equal(await reasonOf(replaced), 'key_ended');
  const { api_key: own } = await ask('POST', '/api/v1/projects', { id: 'gone' });
  const deleted = await Promise.all([open(String(own), '/api/v1/projects/gone/events'), open(global, '/api/v1/projects/gone/events')]);
  await ask('DELETE', '/api/v1/projects/gone');
  assert.deepEqual(await Promise.all(deleted.map(reasonOf)), ['project_deleted', 'project_deleted']);
  const stopped = await open(global);
  const waiting = server.send('GET', `${EVENTS}?since=now&wait_seconds=300`, { key: global });
  await sleep(100);
  const startedMs = performance.now();
  server.process.kill('SIGTERM');
  assert.equal(await reasonOf(stopped), 'shutting_down');
  assert.deepEqual((JSON.parse((await waiting).text) as { events: unknown[] }).events, []);
  assert.equal((await server.ended).code, 0);
  assert.ok(performance.now() - startedMs < 10_000);
}), { timeoutMs: LONG_TIMEOUT_MS });

test('readers that read nothing hold up neither writers nor a stop', () => withWorkbench(async (bench) => {
  const server = await startedOn(bench);
  const key = server.key('p');
  const stalled = Array.from({ length: 20 }, () => new EventReader({ port: server.port, key, path: EVENTS }));
  for (const reader of stalled) {
    bench.defer(() => reader.close());
    await reader.stall();
  }
  const value = JSON.stringify('x'.repeat(500_000));
  for (let index = 0; index < 40; index += 1) {
    assert.ok((await server.send('PUT', `${P}/keys/big`, { key, body: value })).status < 300);
  }
  const reader = new EventReader({ port: server.port, key, path: EVENTS });
  bench.defer(() => reader.close());
  await reader.until('all events', ({ seqs }) => seqs.length === 41);
  server.process.kill('SIGTERM');
  assert.equal((await server.ended).code, 0);
}), { timeoutMs: LONG_TIMEOUT_MS });

test.run();
