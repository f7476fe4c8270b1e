/** Signals: a server that is asked to stop completes its requests, loses no acknowledged write, and ends with 0. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { SAME_REQUEST_MS } from '../../src/cli/ending-signals.js';
import { type ServerUnderTest, until, withWorkbench, type Workbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';

const test = suite('serve.e2e');

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const CLIENTS = 8;
/** Writes that are acknowledged before the signal comes. */
const WRITES_BEFORE_SIGNAL = 100;
/** So many that a signal sent after the first sync of a start comes long before its end. */
const PROJECTS_OF_LONG_START = 100;
/** What a stop may take. Machines that run many tests at once get a little more. */
const STOP_LIMIT_MS = 12_000;
/** Long enough for a stop to be waiting when the signal is repeated. */
const SHORT_STOP_SECONDS = 2;
/** How often, and how far apart in milliseconds, a signal is repeated that is still the same request. */
const REPETITIONS = 3;
const REPETITION_MS = 30;
/** How much later than that a signal comes that is a request of its own. */
const LATER_MS = 500;

function configure(bench: Workbench, shutdownSeconds = 10): void {
  bench.configure([{ id: 'shop', authentication: { enabled: false } }], { timeouts: { shutdown_seconds: shutdownSeconds } });
}

/** Writes until the server refuses or is gone; gives the names of what was acknowledged. */
async function writeUntilRefused(server: ServerUnderTest, client: number, acknowledged: Set<string>): Promise<void> {
  for (let count = 0; ; count += 1) {
    const name = `client-${client}-${count}`;
    try {
      const { status } = await server.send('PUT', `/api/v1/projects/shop/keys/${name}`, { body: String(count) });
      if (status !== 201) return;
    } catch {
      return;
    }
    acknowledged.add(name);
  }
}

for (const signal of SIGNALS) {
  test(`${signal} while requests run: exit code 0 within the limit, and every acknowledged write is there afterwards`,
    () => withWorkbench(async (bench) => {
    configure(bench);
    const server = await bench.start();
    const acknowledged = new Set<string>();
    const clients = Array.from({ length: CLIENTS }, (_, client) => writeUntilRefused(server, client, acknowledged));
    await until('writes', () => (acknowledged.size >= WRITES_BEFORE_SIGNAL ? true : undefined));
    const startMs = Date.now();
    server.process.kill(signal);
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.ok(Date.now() - startMs < STOP_LIMIT_MS);
    await Promise.all(clients);
    assert.ok(server.lines.some(({ msg }) => msg === 'stopped'));
    const next = await bench.start();
    const stored = JSON.parse((await next.send('GET', '/api/v1/projects/shop/keys')).text) as Record<string, number>;
    assert.deepEqual([...acknowledged].filter((name) => !(name in stored)), []);
  }));
}

test('a shutdown cuts off a request with an incomplete body, and ends with 0 within the limit', () => withWorkbench(async (bench) => {
  configure(bench, 2);
  const server = await bench.start();
  const request = httpRequest(`${server.url}/api/v1/projects/shop/keys/half`, {
    method: 'PUT', headers: { 'Content-Type': 'application/json', 'Content-Length': '100' },
  });
  const isCut = new Promise((resolve) => request.on('error', resolve).on('response', resolve));
  request.write('"never');
  await until('the request', async () => ((await server.send('GET', '/livez')).status === 200 ? true : undefined));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  await isCut;
  const next = await bench.start();
  assert.equal((await next.send('GET', '/api/v1/projects/shop/keys/half')).status, 404);
}));

/** A request whose body does not end: a stop waits for it. */
async function beginUpload(server: ServerUnderTest): Promise<void> {
  const request = httpRequest(`${server.url}/api/v1/projects/shop/keys/half`, {
    method: 'PUT', headers: { 'Content-Type': 'application/json', 'Content-Length': '100' },
  });
  request.on('error', () => undefined);
  await new Promise((resolve) => request.write('"never', resolve));
  // Only once it has been seen by the server does the stop wait for it.
  await server.send('GET', '/livez');
}

for (const [first, second] of [['SIGINT', 'SIGINT'], ['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGTERM']] as const) {
  test(`${first} that arrives twice, or with ${second} behind it, is one request to stop: the stop is clean and ends with 0`,
    () => withWorkbench(async (bench) => {
    configure(bench, SHORT_STOP_SECONDS);
    const server = await bench.start();
    await beginUpload(server);
    server.process.kill(first);
    await server.line('stopping', ({ msg }) => msg === 'stopping');
    for (let count = 0; count < REPETITIONS; count += 1) {
      server.process.kill(second);
      await setTimeout(REPETITION_MS);
    }
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.ok(server.lines.some(({ msg }) => msg === 'stopped'));
    assert.doesNotMatch(server.stderr, / again, stopping/);
  }));
}

test('a later second signal ends a shutdown at once, with 1', () => withWorkbench(async (bench) => {
  configure(bench);
  const server = await bench.start();
  await beginUpload(server);
  server.process.kill('SIGINT');
  await server.line('stopping', ({ msg }) => msg === 'stopping');
  await setTimeout(SAME_REQUEST_MS + LATER_MS);
  server.process.kill('SIGINT');
  assert.deepEqual(await server.ended, { code: 1, signal: null });
  assert.match(server.stderr, /SIGINT again, stopping at once/);
}));

test('a signal during startup ends it with 0, and the next startup serves everything', () => withWorkbench(async (bench) => {
  bench.configure(Array.from({ length: PROJECTS_OF_LONG_START }, (_, index) => ({ id: `p${index}`, authentication: { enabled: false } })));
  const server = bench.spawn();
  // The server log is the first file of a start; the projects come after it, each with several syncs.
  await until('the start', () => (existsSync(bench.path('data', '_server.jsonl')) ? true : undefined));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(!server.lines.some(({ msg }) => msg === 'serving'));
  assert.deepEqual(server.lines.filter(({ level }) => level === 'error'), []);
  const next = await bench.start();
  const key = next.keys.get('global') ?? server.key('global');
  const { projects } = JSON.parse((await next.send('GET', '/api/v1/projects', { key })).text) as { projects: { state: string }[] };
  assert.equal(projects.length, PROJECTS_OF_LONG_START);
  assert.ok(projects.every(({ state }) => state === 'serving'));
}));

test('a failed startup leaves nothing locked', () => withWorkbench(async (bench) => {
  bench.configure([{ id: 'shop', authentication: { enabled: false } }], { tls: { key_file: 'none.pem', cert_file: 'none.pem' } });
  const failed = bench.spawn();
  assert.deepEqual(await failed.ended, { code: 78, signal: null });
  configure(bench);
  await bench.start();
}));

test.run();
