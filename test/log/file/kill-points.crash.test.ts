/** A kill at every call of a workload: acknowledged batches are there, others are complete or absent. */
import assert from 'node:assert/strict';
import { suite } from '../../suite.js';
import { strideOf } from '../../test-form.js';
import { judgeEveryLoss, judgeSurvivor, killEverywhere, LOSSES, type Told, type Workload, writing } from './crash-scenario.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { ACTIVE, diskWith, drafts, emptyDisk, hashIn, linesOf, OPTIONS, openLog, SMALL_SEGMENTS } from './log-fixture.js';

const TIMEOUT_MS = 240_000;
/** The short form tests one kill in this many. */
const EVERY = 11;
const { step: STEP } = strideOf(EVERY);
const COMMON_LOSSES = Object.fromEntries(Object.entries(LOSSES).slice(0, 3));

const test = suite('a kill at every call');

test('while a log is created, written and closed', async () => {
  let runs = 0;
  for await (const run of killEverywhere(emptyDisk, writing([1, 3, 2], OPTIONS), EVERY)) {
    await judgeEveryLoss(run, OPTIONS);
    runs += 1;
  }
  assert.ok(runs * STEP > 50, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('while segments are sealed and new ones activated', async () => {
  let runs = 0;
  for await (const run of killEverywhere(emptyDisk, writing([2, 1, 2, 1], SMALL_SEGMENTS), EVERY)) {
    await judgeEveryLoss(run, SMALL_SEGMENTS);
    runs += 1;
  }
  assert.ok(runs * STEP > 120, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

/** The acknowledged lines in a disk's active segment. */
function hashesOf(disk: FaultDisk, count: number): string[] {
  const lines = disk.bytesOf(ACTIVE).toString('latin1').split('\n').filter((line) => line.startsWith('{"seq":'));
  return lines.slice(0, count).map(hashIn);
}

const reopening: Workload = async (disk, told) => {
  const { log } = await openLog(disk, SMALL_SEGMENTS);
  try {
    const [line] = await log.append(drafts(log.position().seq + 1, log.position().seq + 1), log.position().seq);
    if (line?.seq === told.hashes.length + 1) told.hashes.push(line.hash);
  } finally {
    await log.close();
  }
};

/** A disk whose second line lacks only its line feed after a kill. */
async function diskLackingLineFeed(): Promise<FaultDisk> {
  const disk = await diskWith([1]);
  // The two lines differ only in digits.
  const lineBytes = linesOf(disk).at(-1)?.length ?? 0;
  disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'kill', when: { bytes: lineBytes } } });
  await assert.rejects(reopening(disk, { created: true, hashes: [] }));
  return disk.crash();
}

/** Disks that need recovery, each with what was acknowledged. */
async function brokenDisks(): Promise<Record<string, { disk: FaultDisk; told: Told }>> {
  const torn = await diskWith([2]);
  const tornTold = { created: true, hashes: hashesOf(torn, 2) };
  torn.put(ACTIVE, Buffer.concat([torn.bytesOf(ACTIVE), Buffer.from('{"seq":3,"time":"2026-')]));
  const lacking = await diskLackingLineFeed();
  const lackingTold = { created: true, hashes: hashesOf(lacking, 1) };
  const headless = await diskWith([2, 1]);
  const headlessTold = { created: true, hashes: hashesOf(headless, 3) };
  headless.tree.remove('/logs/p1/head');
  const found: Record<string, { disk: FaultDisk; told: Told }> = {
    'a torn tail': { disk: torn, told: tornTold },
    'a last line without its line feed': { disk: lacking, told: lackingTold },
    'no head': { disk: headless, told: headlessTold },
  };
  for await (const { disk, told, label } of killEverywhere(emptyDisk, writing([2, 1], SMALL_SEGMENTS))) {
    const isStep = /(?:link|datasync) \S*p1\.jsonl|datasync \S*next|rename \S*next/.test(label);
    if (!told.created || !isStep || !/"after"/.test(label)) continue;
    found[`a rotation stopped at ${label}`] = { disk: disk.crash(), told };
  }
  return found;
}

test('while a log is recovered', async () => {
  let runs = 0;
  for (const [name, { disk: broken, told }] of Object.entries(await brokenDisks())) {
    if (!told.created) continue;
    const start = (): FaultDisk => broken.crash();
    for await (const run of killEverywhere(
      start, (disk, fresh) => reopening(disk, Object.assign(fresh, { created: true, hashes: [...told.hashes] })), EVERY,
    )) {
      await judgeEveryLoss({ ...run, label: `${run.label} on ${name}` }, SMALL_SEGMENTS, COMMON_LOSSES);
      runs += 1;
    }
  }
  assert.ok(runs * STEP > 100, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('under interval durability, a killed process loses nothing, and a power failure only the end', async () => {
  const options = { ...SMALL_SEGMENTS, durability: 'interval', syncIntervalMs: 60_000 } as const;
  for await (const { disk, told, label } of killEverywhere(emptyDisk, writing([1, 1, 1, 1], options), EVERY)) {
    await judgeSurvivor(disk.crash(), told, options).catch((cause: unknown) => assert.fail(new Error(label, { cause })));
    const cut = disk.crash(LOSSES['all that was not synced is lost']);
    await judgeSurvivor(
      cut, { created: told.created, hashes: [] }, options,
    ).catch((cause: unknown) => assert.fail(new Error(label, { cause })));
  }
}, { timeoutMs: TIMEOUT_MS });


test.run();
