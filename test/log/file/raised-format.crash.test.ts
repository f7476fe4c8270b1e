/** A log that gets the first line of a later format: it goes to a segment that says so, and a crash at any call loses nothing. */
import assert from 'node:assert/strict';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import type { LineDraft } from '../../../src/log/log.js';
import { judgeEveryLoss, killEverywhere, type Workload } from './crash-scenario.js';
import {
  ACTIVE, collect, createLog, diskWith, draft, drafts, emptyDisk, goOn, linesOf, openLog, SMALL_SEGMENTS,
} from './log-fixture.js';

const TIMEOUT_MS = 240_000;
/** The short form tests one kill in this many. */
const EVERY = 7;

const test = suite('a raised format');

function later(number: number): LineDraft {
  return { ...draft(number), format: 2 };
}

/** The format of each segment, oldest first. */
function formatsOf(disk: FaultDisk): string[] {
  const segments = [...disk.contents().keys()].filter((name) => name.endsWith('.jsonl'));
  const sealed = segments.filter((name) => name !== ACTIVE).sort();
  return [...sealed, ACTIVE].map((name) => (JSON.parse(linesOf(disk, name)[0] ?? '') as { format: string }).format);
}

test('the segment of the earlier format is sealed before the first line of a later one, and all segments after it say so', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS);
  await log.append([draft(1)], 0);
  assert.deepEqual(formatsOf(disk), ['simplekv/1']);
  await log.append([draft(2), later(3)], 1);
  assert.deepEqual(formatsOf(disk), ['simplekv/1', 'simplekv/2']);
  assert.equal(linesOf(disk).length, 3, 'the whole batch is in the new segment');
  await log.append([draft(4)], 3);
  assert.deepEqual(formatsOf(disk), ['simplekv/1', 'simplekv/2', 'simplekv/2']);
  await log.close();
  const again = await openLog(disk, SMALL_SEGMENTS);
  await again.log.append([later(5)], 4);
  assert.deepEqual(formatsOf(disk), ['simplekv/1', 'simplekv/2', 'simplekv/2'], 'it is the format already');
  await goOn(disk, again.log, SMALL_SEGMENTS);
});

test('an empty segment of the earlier format is replaced: there is nothing to seal', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  await log.append([later(1)], 0);
  assert.deepEqual(formatsOf(disk), ['simplekv/2']);
  assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 1);
  await goOn(disk, log);
});

test('where the next segment cannot be prepared, the batch is refused, and no line of it is in the old segment', async () => {
  for (const [errno, code] of [['ENOSPC', 'disk_full'], ['EMFILE', 'disk_failed']] as const) {
    const disk = await diskWith([1]);
    const { log } = await openLog(disk);
    const before = disk.bytesOf(ACTIVE);
    disk.fail({ path: ACTIVE.replace('.jsonl', '/next'), method: 'open', action: { kind: 'errno', code: errno } });
    await assert.rejects(log.append([draft(2), later(3)], 1), { code });
    assert.ok(disk.bytesOf(ACTIVE).equals(before));
    await log.close();
    const again = await openLog(disk);
    await again.log.append([later(2)], 1);
    assert.deepEqual(formatsOf(disk), ['simplekv/1', 'simplekv/2']);
    await goOn(disk, again.log);
  }
});

/** Lines of the first format, then one of a later one, then further ones. */
const raising: Workload = async (disk, told) => {
  const log = await createLog(disk, SMALL_SEGMENTS);
  try {
    told.created = true;
    for (const batch of [drafts(1, 1), [draft(2), later(3)], [draft(4)], [later(5)]]) {
      const lines = await log.append(batch, log.position().seq);
      told.hashes.push(...lines.map(({ hash }) => hash));
    }
  } finally {
    await log.close();
  }
};

test('a kill at any call of it loses nothing that was acknowledged, and the log goes on', async () => {
  let runs = 0;
  for await (const run of killEverywhere(emptyDisk, raising, EVERY)) {
    await judgeEveryLoss(run, SMALL_SEGMENTS);
    runs += 1;
  }
  assert.ok(runs > 5, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

/** As above, but the kill may leave an empty segment of the first format: the raise is repeated after it. */
test('after a kill at any call of it, a line of the later format is taken', async () => {
  for await (const { disk, told, label } of killEverywhere(emptyDisk, raising, EVERY)) {
    if (!told.created) continue;
    const survivor = disk.crash();
    const { log } = await openLog(survivor, SMALL_SEGMENTS);
    await log.append([later(9)], log.position().seq);
    assert.equal(formatsOf(survivor).at(-1), 'simplekv/2', label);
    await goOn(survivor, log, SMALL_SEGMENTS);
  }
}, { timeoutMs: TIMEOUT_MS });

test.run();
