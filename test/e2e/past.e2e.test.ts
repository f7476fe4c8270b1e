/** Earlier states of a real server: built in threads, under load, killed, deleted and moved meanwhile. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { suite } from '../suite.js';
import { type Answer, problemOf, type ServerUnderTest, until, withWorkbench, type Workbench } from './server-under-test.js';

const test = suite('past.e2e');

const P = '/api/v1/projects/p';
const BATCHES = 30;
const BATCH_OPS = 1000;
const FLOOD = 60;
const SPACE_BYTES = 4_194_304;
const TIMEOUT_MS = 180_000;

/** A server with a project of some tens of thousands of keys, whose state takes a while to build. */
async function startFilled(bench: Workbench, options: object = {}): Promise<{ readonly server: ServerUnderTest; readonly key: string }> {
  bench.configure([{ id: 'p' }, { id: 'q' }], options);
  const server = await bench.start();
  const key = server.key('global');
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const ops = Array.from({ length: BATCH_OPS }, (_, index) => ({ op: 'set', key: `k${batch}/${index}`, value: 'x'.repeat(50) }));
    assert.equal((await server.send('POST', `${P}/batch`, { key, body: JSON.stringify({ ops }) })).status, 200);
  }
  return { server, key };
}

function bytesBelow(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, status) => sum + (status?.isFile() === true ? status.size : 0), 0);
}

test('a flood of moments is refused beyond a few; writes go on, and the space stays bounded', () => withWorkbench(async (bench) => {
  const { server, key } = await startFilled(bench, { limits: { time_travel_bytes: SPACE_BYTES } });
  const folder = bench.path('data', '_past');
  let largest = 0;
  const watch = setInterval(() => (largest = Math.max(largest, bytesBelow(folder))), 5);
  let isOver = false;
  let written = 0;
  const writer = (async (): Promise<void> => {
    for (; !isOver; written += 1) {
      const answer = await server.send('PUT', '/api/v1/projects/q/keys/w', { key, body: String(written) });
      assert.ok(answer.status < 300, answer.text);
    }
  })();
  const targets = Array.from({ length: FLOOD }, (_, index) => `${P}/keys?count=true&at=${2 + (index % BATCHES)}`);
  const answers = await Promise.all(targets.map((target) => server.send('GET', target, { key })));
  isOver = true;
  await writer;
  clearInterval(watch);
  const statuses = new Set(answers.map(({ status }) => status));
  assert.ok(statuses.has(200), [...statuses].join());
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 200) {
      assert.deepEqual(JSON.parse(answer.text), { count: (1 + (index % BATCHES)) * BATCH_OPS, seq: 2 + (index % BATCHES) });
    } else assert.ok(['busy', 'state_too_large'].includes(String(problemOf(answer)['code'])), answer.text);
  }
  assert.ok(answers.some((answer) => answer.status === 503), 'some were refused');
  assert.ok(written > 5, `${written} writes meanwhile`);
  assert.ok(bytesBelow(folder) <= SPACE_BYTES, `${bytesBelow(folder)} bytes are kept`);
  // Two that are being built, and what they sort.
  assert.ok(largest <= SPACE_BYTES * 5, `${largest} bytes at a time`);
}), { timeoutMs: TIMEOUT_MS });

test('a kill during a build leaves nothing after the restart', () => withWorkbench(async (bench) => {
  const { server, key } = await startFilled(bench);
  const folder = bench.path('data', '_past');
  const kept = await server.send('GET', `${P}/keys?count=true&at=5`, { key });
  assert.equal(JSON.parse(kept.text).count, 4 * BATCH_OPS);
  const cut = server.send('GET', `${P}/keys?count=true&at=${BATCHES}`, { key }).catch(() => undefined);
  await until('a build', () => (readdirSync(folder).length === 2 ? true : undefined), 1);
  await server.kill();
  await cut;
  assert.equal(readdirSync(folder).length, 2);
  const again = await bench.start();
  assert.ok(!existsSync(folder));
  assert.deepEqual(again.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ msg }) => msg), []);
  assert.equal(JSON.parse((await again.send('GET', `${P}/keys?count=true&at=5`, { key })).text).count, 4 * BATCH_OPS);
}), { timeoutMs: TIMEOUT_MS });

test('a project that is deleted or moved to memory during a build takes its states with it', () => withWorkbench(async (bench) => {
  const { server, key } = await startFilled(bench);
  const folder = bench.path('data', '_past');
  let asked: Promise<Answer> = server.send('GET', `${P}/keys?count=true&at=${BATCHES}`, { key });
  await until('a build', () => (existsSync(folder) && readdirSync(folder).length > 0 ? true : undefined), 1);
  const moved = await server.send('PUT', P, { key, body: '{"storage":{"on_disk":false}}' });
  assert.equal(moved.status, 200, moved.text);
  assert.ok([200, 410, 503].includes((await asked).status));
  assert.equal(bytesBelow(folder), 0);
  const gone = await server.send('GET', `${P}/keys?count=true&at=5`, { key });
  assert.equal(problemOf(gone)['code'], 'history_gone');
  assert.equal((await server.send('PUT', P, { key, body: '{"storage":{"on_disk":true}}' })).status, 200);
  const { seq } = JSON.parse((await server.send('GET', P, { key })).text) as { seq: number };
  const now = await server.send('GET', `${P}/keys?count=true&at=${seq}`, { key });
  assert.equal(JSON.parse(now.text).count, BATCHES * BATCH_OPS);
  asked = server.send('GET', `${P}/keys?count=true&at=${seq - 1}`, { key });
  assert.equal((await server.send('DELETE', P, { key })).status, 204);
  assert.ok([200, 404, 410, 503].includes((await asked).status));
  assert.equal(bytesBelow(folder), 0);
}), { timeoutMs: TIMEOUT_MS });

test('a client that leaves ends its build', () => withWorkbench(async (bench) => {
  const { server, key } = await startFilled(bench);
  const folder = bench.path('data', '_past');
  const leaving = new AbortController();
  const cut = fetch(`${server.url}${P}/keys?at=${BATCHES}`, { headers: { Authorization: `Bearer ${key}` }, signal: leaving.signal })
    .catch(() => undefined);
  await until('a build', () => (existsSync(folder) && readdirSync(folder).length > 0 ? true : undefined), 1);
  leaving.abort();
  await cut;
  await until('the end of the build', () => (readdirSync(folder).length === 0 ? true : undefined), 1);
  assert.equal((await server.send('GET', `${P}/keys?limit=1&at=${BATCHES}`, { key })).status, 200);
  assert.deepEqual(server.lines.filter(({ level }) => level === 'warn' || level === 'error'), []);
}), { timeoutMs: TIMEOUT_MS });

test.run();
