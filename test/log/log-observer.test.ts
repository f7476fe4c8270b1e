/** What logs report of their work. */
import assert from 'node:assert/strict';
import type { LogObserver } from '../../src/log/log-observer.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { memoryHome } from '../../src/log/memory-home.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { ACTIVE, createLog, diskWith, draft, drafts, emptyDisk, LOG_ID, openLog, OPTIONS, PROJECT } from './file/log-fixture.js';

const test = suite('log-observer');

/** Keeps what is reported. */
class Observed implements LogObserver {
  readonly syncs: number[] = [];
  readonly batches: (readonly [project: string, ops: readonly string[], sizeBytes: number])[] = [];
  readonly tornTails: string[] = [];

  synced(durationMs: number): void {
    this.syncs.push(durationMs);
  }

  appended(project: string, lines: readonly { readonly op: string }[], sizeBytes: number): void {
    this.batches.push([project, lines.map(({ op }) => op), sizeBytes]);
  }

  tornTail(project: string): void {
    this.tornTails.push(project);
  }
}

test('a batch is reported with its project, its operations and the bytes by which the file grows, and its sync with it', async () => {
  const observer = new Observed();
  const disk = emptyDisk();
  const log = await createLog(disk, OPTIONS, { observer, clock: new ManualClock() });
  const before = disk.contents().get(ACTIVE)?.length ?? 0;
  await log.append([draft(1), { ...draft(2), op: 'delete' }], 0);
  const grown = (disk.contents().get(ACTIVE)?.length ?? 0) - before;
  assert.deepEqual(observer.batches, [[PROJECT, ['set', 'delete'], grown]]);
  assert.deepEqual(observer.syncs, [0]);
  await log.close();
  assert.deepEqual(observer.syncs, [0], 'nothing was left to sync');
});

test('a batch that is refused is not reported', async () => {
  const observer = new Observed();
  const disk = emptyDisk();
  const log = await createLog(disk, OPTIONS, { observer });
  disk.fail({ method: 'append', action: { kind: 'errno', code: 'ENOSPC' } });
  await assert.rejects(log.append(drafts(1, 2), 0), { code: 'disk_full' });
  assert.deepEqual(observer.batches, []);
  await log.close();
});

test('a sync in the background is reported when it is made', async () => {
  const observer = new Observed();
  const log = await createLog(emptyDisk(), { ...OPTIONS, durability: 'os' }, { observer });
  await log.append(drafts(1, 2), 0);
  assert.deepEqual([observer.batches.length, observer.syncs.length], [1, 0]);
  await log.close();
  assert.equal(observer.syncs.length, 1);
});

test('a torn tail is reported once, and a sound end is not', async () => {
  const disk = await diskWith([2]);
  const observer = new Observed();
  await (await openLog(disk, OPTIONS, { observer })).log.close();
  assert.deepEqual(observer.tornTails, []);
  disk.put(ACTIVE, Buffer.concat([disk.contents().get(ACTIVE) ?? Buffer.alloc(0), Buffer.from('{"seq":3,')]));
  for (let opening = 0; opening < 2; opening += 1) await (await openLog(disk, OPTIONS, { observer })).log.close();
  assert.deepEqual(observer.tornTails, [PROJECT]);
});

test('a log in memory reports its batches as well', async () => {
  const observer = new Observed();
  const log = await memoryHome({ observer }).create(PROJECT, { ...OPTIONS, logId: LOG_ID });
  assert.ok(log instanceof MemoryLog);
  await log.append([draft(1)], 0);
  await assert.rejects(log.append([draft(2)], 0));
  const [[project, ops, sizeBytes] = ['', [], 0], ...more] = observer.batches;
  assert.deepEqual([project, ops, more], [PROJECT, ['set'], []]);
  assert.ok(sizeBytes > draft(1).body.length);
});

test.run();
