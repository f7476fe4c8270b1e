/** Kills and failing calls while sealed segments are compressed and removed: the expected lines are there. */
import assert from 'node:assert/strict';
import type { LogLine } from '../../../../src/log/log.js';
import { CHANGING_METHODS, type FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { sampled, strideOf } from '../../../test-form.js';
import { judgeEveryLoss, killEverywhere, LOSSES, type Workload } from '../crash-scenario.js';
import { collect, diskWith, homeOn, openLog, PROJECT, SMALL_SEGMENTS } from '../log-fixture.js';

const TIMEOUT_MS = 120_000;
/** The short form tests one crash in this many. */
const EVERY = 11;
const { step: STEP } = strideOf(EVERY);
const test = suite('sealed segments that are compressed and removed, and a crash');

async function fiveLines(): Promise<{ readonly start: FaultDisk; readonly lines: readonly LogLine[] }> {
  const start = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const { log, replayed } = await openLog(start, SMALL_SEGMENTS);
  await log.close();
  return { start: start.crash(), lines: replayed };
}

/** What a snapshot of all lines knows. */
function knownOf(lines: readonly LogLine[]): LogLine {
  const known = lines.at(-1);
  assert.ok(known);
  return known;
}

test('a kill at every call of a compression: the lines are there, and either form may stay', async () => {
  const { start, lines } = await fiveLines();
  const hashes = lines.map((line) => line.hash);
  const work: Workload = async (disk, told) => {
    const { log } = await openLog(disk, SMALL_SEGMENTS);
    try {
      told.created = true;
      told.hashes.push(...hashes);
      await log.sealed?.compress(1);
      await log.sealed?.compress(3);
    } finally {
      await log.close();
    }
  };
  let runs = 0;
  for await (const run of killEverywhere(() => start.crash(), work, EVERY)) {
    if (!run.told.created) Object.assign(run.told, { created: true, hashes });
    await judgeEveryLoss(run, SMALL_SEGMENTS);
    const next = run.disk.crash();
    const { log } = await openLog(next, SMALL_SEGMENTS);
    for (const { firstSeq, isDoubled } of log.sealed?.list() ?? []) if (isDoubled) await log.sealed?.keepForm(firstSeq, runs % 2 === 0);
    assert.deepEqual((await collect(log.read({ fromSeq: 1 }))).map(({ hash }) => hash), hashes, run.label);
    await log.close();
    const names = [...next.contents().keys()].filter((name) => /\.gz$|compressing/.test(name));
    for (const name of names) assert.equal(next.tree.find(name.replace(/\.gz$/, '')), undefined, `${run.label} leaves ${name}`);
    runs += 1;
  }
  assert.ok(runs * STEP > 60, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('a kill at every call of a removal: what was to stay is there', async () => {
  const { start, lines } = await fiveLines();
  const known = knownOf(lines);
  const options = { ...SMALL_SEGMENTS, known, firstKeptSeq: 5, replay: () => undefined };
  const work: Workload = async (disk) => {
    const log = await homeOn(disk).open(PROJECT, options);
    try {
      await log?.sealed?.compress(1);
      await log?.sealed?.remove(1);
      await log?.sealed?.remove(3);
    } finally {
      await log?.close();
    }
  };
  let runs = 0;
  for await (const { disk, label } of killEverywhere(() => start.crash(), work, EVERY)) {
    for (const [name, loss] of Object.entries(LOSSES)) {
      const next = disk.crash(loss);
      const log = await homeOn(next).open(PROJECT, options);
      const read = log && (await collect(log.read({ fromSeq: 1 })));
      const firstSeq = read?.[0]?.seq ?? 0;
      assert.ok([1, 3, 5].includes(firstSeq), `${label} ${name}`);
      assert.deepEqual(read, lines.slice(firstSeq - 1), `${label} ${name}`);
      await log?.close();
      assert.deepEqual(next.openPaths, []);
    }
    runs += 1;
  }
  assert.ok(runs * STEP > 40, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('each call of compressing and removing that fails leaves an open log with its lines, and so does the start after it', async () => {
  const { start, lines } = await fiveLines();
  const known = knownOf(lines);
  const options = { ...SMALL_SEGMENTS, known, firstKeptSeq: 3, replay: () => undefined };
  const whole = start.crash();
  const counted = await homeOn(whole).open(PROJECT, options);
  const before = whole.calls.length;
  await counted?.sealed?.compress(1);
  await counted?.sealed?.remove(1);
  const calls = whole.calls.slice(before).filter(({ method }) => CHANGING_METHODS.includes(method));
  await counted?.close();
  for (const { number, method, path } of sampled(calls, EVERY)) {
    for (const code of ['EIO', 'ENOSPC']) {
      const label = `${method} ${path} ${code}`;
      const disk = start.crash();
      const log = await homeOn(disk).open(PROJECT, options);
      assert.ok(log);
      disk.fail({ number, action: { kind: 'errno', code } });
      const failed = await (async () => {
        await log.sealed?.compress(1);
        await log.sealed?.remove(1);
      })().catch((error: unknown) => error);
      assert.ok(failed instanceof Error, label);
      const read = await collect(log.read({ fromSeq: 1 }));
      assert.deepEqual(read, lines.slice((read[0]?.seq ?? 0) - 1), label);
      assert.ok(read.length >= 3, label);
      assert.equal(log.state(), 'writable');
      await log.close();
      assert.deepEqual(disk.openPaths, [], label);
      const again = await homeOn(disk.crash()).open(PROJECT, options);
      assert.equal(again?.position().seq, 5, label);
      await again?.close();
    }
  }
}, { timeoutMs: TIMEOUT_MS });

test.run();
