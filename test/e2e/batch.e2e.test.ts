/** Batches of the real program: whole or not at all, through rotations, snapshots, kills, and with values on disk. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MAIN } from '../program-file.js';
import { suite } from '../suite.js';
import { runCommand, type ServerUnderTest, until, withWorkbench } from './server-under-test.js';

const test = suite('batch');

const PROJECT = '/api/v1/projects/p';
const PAIRS = 40;
const KILLS = 6;
/** Before each kill. */
const ACKNOWLEDGED_MIN = 25;
const TIMEOUT_MS = 120_000;

function post(server: ServerUnderTest, key: string, ops: readonly object[]): ReturnType<ServerUnderTest['send']> {
  return server.send('POST', `${PROJECT}/batch`, { key, body: JSON.stringify({ ops }) });
}

for (const isCaching of [true, false]) {
  test(`the values of a batch come back token for token from ${isCaching ? 'memory' : 'disk'}, after restarts and a snapshot`, () =>
    withWorkbench(async (bench) => {
      bench.configure([{ id: 'p', storage: { cache_in_memory: isCaching, segment_bytes: 4096 } }]);
      let server = await bench.start();
      const key = server.key('p');
      const global = server.key('global');
      const values = ['1.0', '[1e400, 9007199254740993]', '{"b":1,"a":2,"a":3}', '"\\ud800 }]\\" é😀"', `"${'x'.repeat(5000)}"`];
      const ops = values.map((value, index) => `{"op":"set","key":"k${index}","value": ${value} }`);
      const answer = await server.send('POST', `${PROJECT}/batch`, { key, body: `{"ops":[${ops.join(',')}]}` });
      assert.equal(answer.status, 200, answer.text);
      for (const way of ['at once', 'kill', 'snapshot', 'stop']) {
        if (way === 'kill') await server.kill();
        if (way === 'stop') await server.stop();
        if (way === 'snapshot') assert.equal((await server.send('POST', `${PROJECT}/compact`, { key: global })).status, 200);
        if (way === 'kill' || way === 'stop') server = await bench.start();
        for (const [index, value] of values.entries()) {
          // Twice and once more: from the second time on a value on disk is cached.
          for (let time = 0; time < 3; time += 1) {
            assert.equal((await server.send('GET', `${PROJECT}/keys/k${index}`, { key })).text, value, way);
          }
        }
      }
      assert.match(readFileSync(bench.path('data', 'p.jsonl'), 'utf8'), /^\{"format":"simplekv\/2"/);
      await server.stop();
      const verified = await runCommand(process.execPath, [MAIN, 'verify', '--config', bench.configPath]);
      assert.equal(verified.code, 0, verified.output);
    }), { timeoutMs: TIMEOUT_MS });
}

/** Both keys of a pair always change together, so a reader and a start must never find them apart. */
test('a kill at any moment leaves each batch whole or not at all, and no reader sees half of one', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p', storage: { segment_bytes: 4096 } }]);
    let server = await bench.start();
    const key = server.key('p');
    const acknowledged = new Map<number, number>();
    let count = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const now = server;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let round = 1; ; round += 1) {
          const pair = (writer * PAIRS) / 4 + (round % (PAIRS / 4));
          const value = kill * 1000 + round;
          const ops = [{ op: 'set', key: `a${pair}`, value }, { op: 'set', key: `b${pair}`, value }];
          const answer = await post(now, key, ops).catch(() => undefined);
          if (answer?.status !== 200) return;
          acknowledged.set(pair, value);
          count += 1;
        }
      });
      const reader = (async () => {
        for (let listing = await listed(now, key); listing !== undefined; listing = await listed(now, key)) assertPaired(listing);
      })();
      const enough = count + ACKNOWLEDGED_MIN;
      await until('batches that were acknowledged', () => (count >= enough ? true : undefined));
      await now.kill();
      await Promise.all([...writers, reader]);
      server = await bench.start();
      const found = await listed(server, key) ?? {};
      assertPaired(found);
      for (const [pair, value] of acknowledged) assert.ok((found[`a${pair}`] ?? 0) >= value, `pair ${pair}`);
    }
  }), { timeoutMs: TIMEOUT_MS });

async function listed(server: ServerUnderTest, key: string): Promise<Record<string, number> | undefined> {
  const answer = await server.send('GET', `${PROJECT}/keys`, { key }).catch(() => undefined);
  return answer === undefined ? undefined : (JSON.parse(answer.text) as Record<string, number>);
}

function assertPaired(listing: Record<string, number>): void {
  for (const [name, value] of Object.entries(listing)) {
    const other = `${name.startsWith('a') ? 'b' : 'a'}${name.slice(1)}`;
    assert.equal(listing[other], value, name);
  }
}

test('of batches that depend on what they read, as many succeed as there are steps: a counter loses nothing', () =>
  withWorkbench(async (bench) => {
    bench.configure([{ id: 'p' }]);
    const server = await bench.start();
    const key = server.key('p');
    let succeeded = 0;
    await Promise.all(Array.from({ length: 5 }, async () => {
      for (let round = 0; round < 20; round += 1) {
        const read = await server.send('GET', `${PROJECT}/keys/n`, { key });
        const seq = read.status === 404 ? 0 : Number(/^"(\d+)-/.exec(read.headers.etag ?? '')?.[1]);
        const count = read.status === 404 ? 0 : Number(read.text);
        const answer = await post(server, key, [
          { op: 'check', key: 'n', if_seq: seq }, { op: 'set', key: 'n', value: count + 1 },
          { op: 'set', key: `by/${count}`, value: round, if_seq: 0 },
        ]);
        assert.ok([200, 412].includes(answer.status), answer.text);
        if (answer.status === 200) succeeded += 1;
      }
    }));
    assert.equal((await server.send('GET', `${PROJECT}/keys/n`, { key })).text, String(succeeded));
    assert.ok(succeeded >= 20);
  }));

test.run();
