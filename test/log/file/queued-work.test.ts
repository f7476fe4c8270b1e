/** Calls queued on a descriptor that is closed meanwhile: closing never affects them, and none of this fails a log. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from '../../suite.js';
import { errnoError } from '../../disk/disk-tree.js';
import type { FaultAction, FaultDisk } from '../../disk/fault-disk.js';
import {
  ACTIVE, appendBatches, closedGate, collect, createLog, drafts, emptyDisk, goOn, HOME, openLog, OPTIONS, PROJECT, recordingLogger,
  SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('work that is queued on a descriptor');

const BEHIND = { ...SMALL_SEGMENTS, durability: 'interval', syncIntervalMs: 1 } as const;
const SEALED_NAME = `${HOME}/${PROJECT}/00000000000000000001.jsonl`;

/** Queues every sync of the active segment from the nth on, as behind the syncs of other projects. */
function holdSyncs(disk: FaultDisk, nth: number): void {
  const action: FaultAction = { kind: 'hold', until: delay(60), queued: true };
  disk.fail({ method: 'datasync', path: ACTIVE, nth, times: Number.POSITIVE_INFINITY, action });
}

test('under interval, a sync requested by the timer while the segment is sealed does not fail the log', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...BEHIND, syncIntervalMs: 5 });
  await appendBatches(log, [1, 1]);
  const gate = closedGate();
  // The rotation has made its seal durable and is waiting for the last sync of a folder.
  disk.fail({ method: 'syncFolder', path: HOME, action: { kind: 'hold', until: gate.promise } });
  holdSyncs(disk, 2);
  const rotating = log.append(drafts(3, 3), 2);
  await delay(20);
  gate.open();
  await rotating;
  await delay(70);
  assert.equal(log.state(), 'writable');
  assert.ok(disk.tree.find(SEALED_NAME), 'it was rotated');
  await goOn(disk, log, BEHIND);
});

for (const durability of ['interval', 'os'] as const) {
  test(`under ${durability}, a sync requested by a compaction while the segment is sealed does not fail the log`, async () => {
    const disk = emptyDisk();
    const log = await createLog(disk, { ...BEHIND, durability, syncIntervalMs: 60_000 });
    await appendBatches(log, [1, 1]);
    const gate = closedGate();
    disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: gate.promise, queued: true } });
    holdSyncs(disk, 2);
    const rotating = log.append(drafts(3, 3), 2);
    await disk.settle();
    // It runs right after the sync of the seal.
    const syncing = log.sync();
    gate.open();
    await Promise.all([rotating, syncing]);
    await delay(70);
    assert.equal(log.state(), 'writable');
    assert.ok(disk.tree.find(SEALED_NAME), 'it was rotated');
    await goOn(disk, log, BEHIND);
  });
}

test('a sync in progress in a segment that is sealed meanwhile finishes before its descriptor is closed', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...BEHIND, syncIntervalMs: 60_000 });
  await appendBatches(log, [1, 1]);
  const gate = closedGate();
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: gate.promise, queued: true } });
  const syncing = log.sync();
  const rotating = log.append(drafts(3, 3), 2);
  await disk.settle();
  assert.equal(disk.tree.find(SEALED_NAME), undefined, 'the seal waits for the sync before it');
  gate.open();
  await Promise.all([syncing, rotating]);
  await goOn(disk, log, BEHIND);
});

test('a sync for a line that the seal made durable is skipped', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...BEHIND, syncIntervalMs: 60_000 });
  await appendBatches(log, [1, 1]);
  const gate = closedGate();
  disk.fail({ method: 'syncFolder', path: HOME, action: { kind: 'hold', until: gate.promise } });
  const rotating = log.append(drafts(3, 3), 2);
  await disk.settle();
  const syncs = (): number => disk.calls.filter(({ method, path }) => method === 'datasync' && path === ACTIVE).length;
  const before = syncs();
  await log.sync();
  assert.equal(syncs(), before);
  gate.open();
  await rotating;
  await log.close();
});

test('a batch whose segment cannot be prepared, while a background sync fails the log, is refused as log_failed', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...BEHIND, syncIntervalMs: 60_000 });
  await appendBatches(log, [1, 1]);
  const gate = closedGate();
  const refused = gate.promise.then(() => { throw errnoError('EIO', 'unlink'); });
  refused.catch(() => undefined);
  disk.fail({ method: 'unlink', path: `${HOME}/${PROJECT}/next`, action: { kind: 'hold', until: refused } });
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EIO' } });
  const appending = log.append(drafts(3, 3), 2);
  await assert.rejects(log.sync(), { code: 'outcome_unknown' });
  gate.open();
  await assert.rejects(appending, { code: 'log_failed' });
  await log.close();
});

test('closing waits for a sync that is queued', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...BEHIND, syncIntervalMs: 60_000 });
  await appendBatches(log, [1]);
  const gate = closedGate();
  disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'hold', until: gate.promise, queued: true } });
  const work = Promise.all([log.sync(), log.close()]);
  await disk.settle();
  assert.ok(disk.openPaths.includes(ACTIVE));
  gate.open();
  await work;
  assert.deepEqual(disk.openPaths, []);
});

/** Waits until the disk has made everything of the active segment durable. */
async function untilSynced(disk: FaultDisk): Promise<void> {
  const isSynced = (): boolean => disk.tree.file(ACTIVE).syncedBytes.equals(disk.bytesOf(ACTIVE));
  for (let round = 0; round < 400 && !isSynced(); round += 1) await delay(5);
  assert.ok(isSynced(), 'the lines become durable');
}

const OWN_FAULTS: Readonly<Record<string, Error>> = {
  'EBADF': errnoError('EBADF', 'datasync'),
  'a TypeError': Object.assign(new TypeError('The "buffer" argument must be an instance of Buffer'), { code: 'ERR_INVALID_ARG_TYPE' }),
  'a broken invariant': Object.assign(new Error('Broken invariant: something'), { name: 'InvariantError' }),
};
for (const [name, error] of Object.entries(OWN_FAULTS)) {
  const failing: FaultAction = { kind: 'hold', until: Promise.reject(error), queued: true };
  if (failing.kind === 'hold') failing.until.catch(() => undefined);

  for (const method of ['append', 'datasync'] as const) {
    test(`${name} in ${method} is a defect: the batch is undone and refused with it, and the log stays in use`, async () => {
      const disk = emptyDisk();
      const { logger, lines } = recordingLogger();
      const log = await createLog(disk, OPTIONS, { logger });
      await log.append(drafts(1, 2), 0);
      const before = disk.bytesOf(ACTIVE);
      disk.fail({ method, path: ACTIVE, action: failing });
      await assert.rejects(log.append(drafts(3, 3), 2), (thrown) => thrown === error);
      assert.equal(log.state(), 'writable');
      assert.deepEqual(disk.bytesOf(ACTIVE), before, 'nothing of the batch is left');
      assert.ok(lines.some(({ level, msg }) => level === 'error' && msg.includes('defect')));
      assert.ok(!lines.some(({ msg }) => msg.startsWith('the log has failed')));
      await goOn(disk, log);
    });
  }

  test(`${name} in background syncs is a defect: the log stays in use and retries without a further write`, async () => {
    const disk = emptyDisk();
    const { logger, lines } = recordingLogger();
    const log = await createLog(disk, { ...OPTIONS, durability: 'interval', syncIntervalMs: 1 }, { logger });
    disk.fail({ method: 'datasync', path: ACTIVE, times: 3, action: failing });
    await log.append(drafts(1, 1), 0);
    const opened = disk.calls.length;
    await untilSynced(disk);
    assert.equal(log.state(), 'writable');
    assert.deepEqual(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg.includes('defect')), [true], 'it is logged once');
    const openings = disk.calls.slice(opened).filter(({ method, path }) => method === 'open' && path === ACTIVE).length;
    assert.equal(openings, name === 'EBADF' ? 3 : 0, 'an invalid descriptor is given up');
    await log.append(drafts(2, 2), 1);
    await log.close();
    const after = await openLog(disk.crash({ content: 'synced', size: 'synced', names: 'synced' }));
    assert.equal(after.replayed.length, 2);
    await after.log.close();
  });
}

test('a sync that fails while a refused batch is cut off fails the log, whatever the result of the cut', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, durability: 'interval', syncIntervalMs: 60_000 });
  await log.append(drafts(1, 1), 0);
  const gate = closedGate();
  disk.fail({
    method: 'datasync', path: ACTIVE,
    action: { kind: 'hold', queued: true, until: gate.promise.then(() => Promise.reject(errnoError('EIO', 'datasync'))) },
  });
  disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'short', bytes: 50 } });
  const syncing = assert.rejects(log.sync(), { code: 'outcome_unknown' });
  const appending = assert.rejects(log.append(drafts(2, 2), 1), { code: 'outcome_unknown' });
  await disk.settle();
  gate.open();
  await Promise.all([syncing, appending]);
  assert.equal(log.state(), 'failed');
  await delay(30);
  assert.equal(log.state(), 'failed', 'it does not become writable again when there is space');
  assert.equal((await collect(log.read({ fromSeq: 1 }))).length, 1);
  await log.close();
});

test('under every durability, a batch that must be durable is undone if its sync hits a defect; the next one is accepted', async () => {
  for (const durability of ['fsync', 'interval', 'os'] as const) {
    const disk = emptyDisk();
    const options = { ...OPTIONS, durability, syncIntervalMs: 60_000 };
    const log = await createLog(disk, options);
    await log.append(drafts(1, 1), 0);
    const before = disk.bytesOf(ACTIVE);
    disk.fail({ method: 'datasync', path: ACTIVE, action: { kind: 'errno', code: 'EBADF' } });
    await assert.rejects(log.append(drafts(2, 2), 1, { isDurable: true }), { code: 'EBADF' }, durability);
    assert.deepEqual([log.state(), log.position().seq, disk.bytesOf(ACTIVE)], ['writable', 1, before], durability);
    await log.append(drafts(2, 2), 1, { isDurable: true });
    assert.deepEqual(disk.tree.file(ACTIVE).syncedBytes, disk.bytesOf(ACTIVE), durability);
    await goOn(disk, log, options);
  }
});

test('what a log under os has not synced is synced under the next setting', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, { ...OPTIONS, durability: 'os' });
  await log.append(drafts(1, 1), 0);
  log.configure({ ...OPTIONS, durability: 'interval', syncIntervalMs: 1 });
  await delay(30);
  assert.deepEqual(disk.tree.file(ACTIVE).syncedBytes, disk.bytesOf(ACTIVE));
  await log.close();
});

test.run();
