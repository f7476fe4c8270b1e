/** What readers that take nothing cost: the memory of answers under way has one bound, and other readers are still served. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { until, withWorkbench, type ServerUnderTest } from './server-under-test.js';
import { SlowConnection } from './slow-request.js';

const test = suite('memory of answers', { concurrentTests: 2 });

const TIMEOUT_MS = 300_000;
const MIB = 1_048_576;
const KEYS = '/api/v1/projects/p/keys';
const READERS = 300;
const VALUES = inForm({ short: 64, long: 128 });
const VALUE_BYTES = 131_072;
const LONG_VALUES = 10;
const LONG_VALUE_BYTES = 4 * MIB;
/** Far below what the readers would hold without a bound, and far above what the bound allows. */
const GROWTH_MAX_BYTES = 600 * MIB;
/** How long the memory is watched after the last reader has begun. */
const WATCH_MS = inForm({ short: 1000, long: 3000 });
const WATCH_STEP_MS = 100;

const PROJECT = {
  id: 'p', storage: { cache_in_memory: false, durability: 'os' }, authentication: { enabled: false },
};

/** Resident memory of a process, in bytes. */
function memoryOf({ process: { pid } }: ServerUnderTest): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Opens connections that ask and read nothing. */
function openStalled(server: ServerUnderTest, targets: readonly string[]): readonly SlowConnection[] {
  return targets.map((target) => {
    const connection = new SlowConnection(server.port);
    connection.setReading(false);
    connection.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    return connection;
  });
}

/** The most memory that is seen while the readers stall, in bytes beyond that at the start. */
async function growthUnder(server: ServerUnderTest, work: () => Promise<void>): Promise<number> {
  const before = memoryOf(server);
  let most = before;
  const timer = setInterval(() => void (most = Math.max(most, memoryOf(server))), WATCH_STEP_MS);
  try {
    await work();
    await sleep(WATCH_MS);
  } finally {
    clearInterval(timer);
  }
  return most - before;
}

async function withCold(body: (server: ServerUnderTest) => Promise<void>): Promise<void> {
  await withWorkbench(async (bench) => {
    bench.configure([PROJECT], { limits: { max_value_bytes: LONG_VALUE_BYTES } });
    const server = await bench.start();
    await body(server);
  });
}

async function put(server: ServerUnderTest, key: string, bytes: number): Promise<void> {
  const { status } = await server.send('PUT', `${KEYS}/${key}`, { body: `"${'x'.repeat(bytes - 2)}"` });
  assert.ok(status < 300, `PUT ${key}: ${status}`);
}

/** Asks until there is room, as a client does after a Retry-After. */
async function getPatiently(server: ServerUnderTest, target: string): Promise<number> {
  return await until(`the answer to ${target}`, async () => {
    const { status, bytes } = await server.send('GET', target);
    assert.ok(status === 200 || status === 503, `${target}: ${status}`);
    return status === 200 ? bytes.length : undefined;
  });
}

/** Lets readers stall on some targets and another reader ask for one of them. */
async function stallAndAsk(server: ServerUnderTest, targets: readonly string[], expectedBytes: number): Promise<void> {
  let readers: readonly SlowConnection[] = [];
  const growth = await growthUnder(server, async () => {
    readers = openStalled(server, Array.from({ length: READERS }, (_, index) => targets[index % targets.length] ?? ''));
    await sleep(WATCH_MS);
    assert.equal(await getPatiently(server, targets[0] ?? ''), expectedBytes);
  });
  for (const reader of readers) reader.destroy();
  assert.ok(growth < GROWTH_MAX_BYTES, `the memory grew by ${Math.round(growth / MIB)} MiB`);
}

test('300 readers of a cold listing who take nothing cost a bounded amount, and another reader gets it', () => withCold(async (server) => {
  for (let index = 0; index < VALUES; index += 1) await put(server, String(index).padStart(4, '0'), VALUE_BYTES);
  await stallAndAsk(server, [KEYS], VALUES * (VALUE_BYTES + 8) + 1);
}), { timeoutMs: TIMEOUT_MS });

test('300 readers of long cold values who take nothing cost a bounded amount, another reader gets one', () => withCold(async (server) => {
  for (let index = 0; index < LONG_VALUES; index += 1) await put(server, `long${index}`, LONG_VALUE_BYTES);
  const targets = Array.from({ length: LONG_VALUES }, (_, index) => `${KEYS}/long${index}`);
  await stallAndAsk(server, targets, LONG_VALUE_BYTES);
}), { timeoutMs: TIMEOUT_MS });

test.run();
