/**
 * The client behind a network that breaks, cuts, delays and repeats, and over kills of the server: every write happens once, and a watch
 * sees every change once. The files of the log are the witness.
 */
import assert from 'node:assert/strict';
import { type ChangeEvent, SimpleKv, type SimpleKvOptions } from '../../src/client/index.js';
import { randomFrom } from '../e2e/kill-loop.js';
import { readLogFiles } from '../e2e/log-files.js';
import { type ServerUnderTest, type Workbench, withWorkbench } from '../e2e/server-under-test.js';
import { seedOfRun } from '../seed-of-run.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { ChaosProxy } from './chaos-proxy.js';
import { STUBBORN, writeStubbornly } from './facts/stubborn-writes.js';
import { valuesInLog } from './values-in-log.js';

const test = suite('chaos');

/** Half of all requests fail, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;
const CLIENTS = 8;
const WRITES = inForm({ short: 60, long: 2000 });
const RIVALS = 50;
const KILLS = inForm({ short: 3, long: 30 });

interface Scene {
  readonly bench: Workbench;
  readonly proxy: ChaosProxy;
  readonly server: ServerUnderTest;
  readonly key: string;
  readonly client: (options?: Partial<SimpleKvOptions>) => SimpleKv;
}

async function withChaos(storage: object, body: (scene: Scene) => Promise<void>): Promise<void> {
  await withWorkbench(async (bench) => {
    bench.configure([{ id: 'p', storage }]);
    const server = await bench.start();
    const proxy = await ChaosProxy.start(server.port, randomFrom(seedOfRun()));
    bench.defer(() => proxy.close());
    const key = server.key('p');
    const client = (options: Partial<SimpleKvOptions> = {}): SimpleKv => (
      new SimpleKv({ url: proxy.url, project: 'p', key, retry: STUBBORN, ...options })
    );
    await body({ bench, proxy, server, key, client });
  });
}

test('every write happens exactly once, whatever becomes of its requests', () => withChaos({}, async ({ bench, proxy, key }) => {
  const written = await writeStubbornly({ url: proxy.url, project: 'p', key, clients: CLIENTS, writesEach: WRITES });
  assert.deepEqual([...valuesInLog(bench, 'p')].sort(), [...written].sort());
  assert.ok(proxy.fates.size >= 7, `every fate was met: ${JSON.stringify([...proxy.fates])}`);
}), { timeoutMs: TIMEOUT_MS });

test('updates under many rivals end with the exact sum', () => withChaos({}, async ({ server, client }) => {
  const rivals = Array.from({ length: RIVALS }, () => client({ url: server.url, retry: {} }));
  await Promise.all(rivals.map((kv) => kv.update<number>('sum', (value = 0) => value + 1, { attempts: RIVALS })));
  assert.equal(await client().get('sum'), RIVALS);
  // The same where answers are lost: an update that was made is not made again.
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    const kv = client();
    for (let count = 0; count < 5; count += 1) await kv.update<number>('lossy', (value = 0) => value + 1, { attempts: 500 });
  }));
  assert.equal(await client().get('lossy'), CLIENTS * 5);
}), { timeoutMs: TIMEOUT_MS });

test('a watch sees every line once, over broken streams, kills and rotations', () => {
  const storage = { segment_bytes: 4096, compaction: { interval_seconds: 1 } };
  return withChaos(storage, async ({ bench, proxy, server, client }) => {
    const seen: ChangeEvent[] = [];
    const watching = (async () => {
      for await (const event of client().watch({ since: 0 })) {
        assert.notEqual(event.op, 'reset');
        if ('line' in event) seen.push(event);
        if ('value' in event && event.value === 'end') return;
      }
    })();
    watching.catch(() => undefined);
    let isOver = false;
    const writing = Promise.all(Array.from({ length: 3 }, async (_, index) => {
      const kv = client();
      for (let count = 0; !isOver; count += 1) await kv.set(`k${index}`, `${index}-${count} ${'x'.repeat(200)}`);
    }));
    writing.catch(() => undefined);
    let running = server;
    for (let kill = 0; kill < KILLS; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 400));
      await running.kill();
      running = await bench.start();
      proxy.target = running.port;
    }
    isOver = true;
    await writing;
    await client().set('last', 'end');
    await watching;
    const { events, segmentCount } = readLogFiles(bench.path('data'), 'p');
    assert.deepEqual(seen.map(({ seq }) => seq), events.map(({ seq }) => seq));
    assert.deepEqual(seen.map(({ line }) => line), events.map(({ line }) => line));
    assert.ok(segmentCount > 1, `${segmentCount} segments`);
    const values = valuesInLog(bench, 'p');
    assert.equal(new Set(values).size, values.length);
  });
}, { timeoutMs: TIMEOUT_MS });

test.run();
