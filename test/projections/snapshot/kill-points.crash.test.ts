/** A kill before and after every call of a compaction: afterwards the newest generation is the old or the new one, and sound. */
import assert from 'node:assert/strict';
import { killEverywhere, LOSSES, type KilledRun } from '../../log/file/crash-scenario.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { strideOf } from '../../test-form.js';
import { compact, judge, judgeNextStart, oldDisk, refreshNewest } from './generation-scenario.js';
import { folderOn } from './snapshot-fixture.js';

const TIMEOUT_MS = 240_000;
/** The short form takes one kill in so many. */
const EVERY = 11;
const { step: STEP } = strideOf(EVERY);

const test = suite('a kill at every call of a compaction');

async function judgeLosses({ disk, told, label }: KilledRun): Promise<void> {
  for (const [name, loss] of Object.entries(LOSSES)) {
    try {
      await judgeNextStart(disk.crash(loss), told.created);
    } catch (error) {
      throw new Error(`After a kill at ${label}; ${name}`, { cause: error });
    }
  }
}

test('whatever is lost, the newest generation is sound, and the compaction can be repeated', async () => {
  const start = await oldDisk();
  let runs = 0;
  for await (const run of killEverywhere(() => start.crash(), compact, EVERY)) {
    await judgeLosses(run);
    runs += 1;
  }
  assert.ok(runs * STEP > 80, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('a startup that is killed during its clean-up can be repeated', async () => {
  const start = await oldDisk();
  const tidy = async (disk: FaultDisk): Promise<void> => {
    await folderOn(disk).dropUnfinished();
    await refreshNewest(disk);
  };
  let runs = 0;
  // Killed where there is most to tidy up: data files, run files, a manifest without its name, a commit without its readable snapshot.
  const places = [
    { path: /20\.index$/, method: 'datasync', when: 'after' }, { path: /manifest-new$/, method: 'rename', when: 'before' },
    { path: /copy-new$/, method: 'rename', when: 'before' },
  ] as const;
  for (const { path, method, when } of places) {
    const half = start.crash();
    half.fail({ path, method, action: { kind: 'kill', when } });
    await assert.rejects(compact(half, { created: false }));
    for await (const run of killEverywhere(() => half.crash(), tidy, EVERY)) {
      await judgeLosses({ ...run, told: { created: false, hashes: [] } });
      runs += 1;
    }
  }
  assert.ok(runs * STEP > 20, `${runs} runs`);
}, { timeoutMs: TIMEOUT_MS });

test('the disk before the kills is sound', async () => {
  await judge(await oldDisk(), false);
});

test.run();
