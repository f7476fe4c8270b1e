import assert from 'node:assert/strict';
import { setImmediate as nextRound } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryLog } from '../../src/log/memory-log.js';
import { suite } from '../suite.js';
import { collect, draft, drafts, LOG_ID, OPTIONS, PROJECT, recordingLogger } from './file/log-fixture.js';
import { testLogContract } from './log-contract.js';
import { testScanContract } from './scan-contract.js';
import { ManualClock } from '../base/manual-clock.js';

testLogContract('memory', async (_options, clock) => {
  const log = new MemoryLog({ project: PROJECT, logId: LOG_ID, clock });
  return await Promise.resolve({ log, end: () => log.close() });
}, { keepsLines: false });
testScanContract('memory', async (_options, clock) => {
  const log = new MemoryLog({ project: PROJECT, logId: LOG_ID, clock });
  return await Promise.resolve({ log, end: () => log.close() });
}, { keepsLines: false });

const test = suite('MemoryLog');
const identity = { project: PROJECT, logId: LOG_ID };

test('only the newest lines are kept, and reading starts with the first of them', async () => {
  const log = new MemoryLog({ ...identity, keptBytesMax: 2000 });
  for (let seq = 0; seq < 3000; seq += 1) await log.append([draft(seq + 1)], seq);
  const lines = await collect(log.read({ fromSeq: 1 }));
  assert.ok(lines.length > 3 && lines.length < 12, `${lines.length} lines`);
  assert.deepEqual(lines.map((line) => line.seq), Array.from(lines, (_, index) => 3001 - lines.length + index));
  assert.equal((await collect(log.read({ fromSeq: 2999 }))).length, 2);
  assert.equal(log.position().seq, 3000);
});

test('the memory of dropped lines is released', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const log = new MemoryLog({ ...identity, keptBytesMax: 1000 });
  const first = new WeakRef((await log.append([draft(1)], 0))[0] ?? {});
  for (let seq = 1; seq < 20; seq += 1) await log.append([draft(seq + 1)], seq);
  await nextRound();
  collectGarbage();
  assert.equal(first.deref(), undefined);
});

test('a line larger than the kept bytes is appended and not kept', async () => {
  const log = new MemoryLog({ ...identity, keptBytesMax: 100 });
  await log.append([draft(1)], 0);
  assert.equal(log.position().seq, 1);
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), []);
  assert.equal(log.firstSeq(), 2);
  await assert.rejects(collect(log.scan({ fromSeq: 1, toSeq: 1 })), { name: 'LinesDroppedError', firstKeptSeq: 2 });
});

test('a read or a scan whose lines were dropped fails and never skips one silently', async () => {
  const ways = {
    read: (log: MemoryLog) => log.read({ fromSeq: 1 }),
    async* scan(log: MemoryLog) {
      for (let seq = 1; ; seq += 1) for await (const { lines } of log.scan({ fromSeq: seq, toSeq: seq })) yield* lines;
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    const log = new MemoryLog({ ...identity, keptBytesMax: 1500 });
    await log.append(drafts(1, 3), 0);
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const line of way(log)) {
        seen.push(line.seq);
        if (line.seq === 2) await log.append(drafts(4, 40), 3);
      }
    }, { name: 'LinesDroppedError' }, name);
    assert.deepEqual(seen, [1, 2], name);
  }
});

test('a clock that goes back a long way is reported', async () => {
  const clock = new ManualClock();
  const { logger, lines } = recordingLogger();
  const log = new MemoryLog({ ...identity, clock, logger });
  await log.append(drafts(1, 1), 0);
  clock.setWall(0);
  await log.append(drafts(2, 2), 1);
  assert.deepEqual(lines.map(({ level, msg }) => [level, msg]), [['warn', 'the clock went back']]);
});

test('its options have no effect', async () => {
  const log = new MemoryLog(identity);
  log.configure({ ...OPTIONS, durability: 'os' });
  await log.append(drafts(1, 1), 0);
  assert.equal((await collect(log.read({ fromSeq: 1 })))[0]?.seq, 1);
});

test.run();
