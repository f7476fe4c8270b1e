/** Which files a log keeps open without writes, and how it handles a lack of descriptors. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { IdleFiles } from '../../../src/disk/idle-files.js';
import type { Log } from '../../../src/log/log.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import {
  ACTIVE, appendBatches, closedGate, collect, createLog, diskWith, drafts, emptyDisk,
  goOn, HEAD, openLog, OPTIONS, PROJECT, recordingLogger,
  SMALL_SEGMENTS,
} from './log-fixture.js';

const test = suite('a log that is idle');
const IDLE_MS = 20;
const quickly = (): { readonly idleFiles: IdleFiles } => ({ idleFiles: new IdleFiles({ idleMs: IDLE_MS }) });

async function untilClosed(disk: FaultDisk): Promise<void> {
  for (let round = 0; round < 200 && disk.openPaths.length > 0; round += 1) await delay(5);
  assert.deepEqual(disk.openPaths, []);
}

async function until(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 1000 && !holds(); round += 1) await delay(5);
  assert.ok(holds());
}

test('holds no descriptor after creation, after opening, and once its writes are done', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, OPTIONS, quickly());
  assert.deepEqual(disk.openPaths, []);
  await log.append(drafts(1, 3), 0);
  const [, second] = await collect(log.read({ fromSeq: 1 }));
  assert.ok(second?.place);
  await log.readText(second.place);
  await untilClosed(disk);
  await goOn(disk, log);
  const { log: again } = await openLog(disk);
  assert.deepEqual(disk.openPaths, []);
  await again.close();
});

test('has no open files after a startup that had to rewrite its head', async () => {
  const disk = await diskWith([2, 1]);
  disk.tree.remove(HEAD);
  const { log } = await openLog(disk);
  assert.ok(disk.tree.find(HEAD));
  assert.deepEqual(disk.openPaths, []);
  await log.close();
});

test('keeps its file open while it has unsynced bytes, and closes it afterwards', async () => {
  for (const durability of ['interval', 'os'] as const) {
    const disk = emptyDisk();
    const log = await createLog(disk, { ...OPTIONS, durability, syncIntervalMs: 60_000 }, quickly());
    await log.append(drafts(1, 2), 0);
    await delay(4 * IDLE_MS);
    assert.deepEqual(disk.openPaths, [ACTIVE], durability);
    const calls = disk.calls.length;
    await log.sync();
    await untilClosed(disk);
    const [first, last] = disk.calls.slice(calls).map(({ method }) => method);
    assert.deepEqual([first, last], ['datasync', 'close']);
    assert.deepEqual(disk.tree.file(ACTIVE).syncedBytes, disk.bytesOf(ACTIVE));
    await log.close();
  }
});

test('continues at its end when it is written to again, also with rotations', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS, quickly());
  for (let round = 0; round < 4; round += 1) {
    await appendBatches(log, [1, 1]);
    await untilClosed(disk);
  }
  await goOn(disk, log, SMALL_SEGMENTS);
});

const CHANGES: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'grown': (disk) => disk.put(ACTIVE, Buffer.concat([disk.bytesOf(ACTIVE), Buffer.from('x')])),
  'been cut': (disk) => disk.put(ACTIVE, disk.bytesOf(ACTIVE).subarray(0, 300)),
  'been removed': (disk) => disk.tree.remove(ACTIVE),
  'been replaced by a copy': (disk) => {
    const bytes = disk.bytesOf(ACTIVE);
    disk.tree.remove(ACTIVE);
    disk.put(ACTIVE, bytes);
  },
};
for (const [name, change] of Object.entries(CHANGES)) {
  test(`does not write to a file that has ${name} while it was closed`, async () => {
    const disk = emptyDisk();
    const log = await createLog(disk, OPTIONS, quickly());
    await log.append(drafts(1, 2), 0);
    await untilClosed(disk);
    change(disk);
    const before = disk.tree.find(ACTIVE) && disk.bytesOf(ACTIVE);
    await assert.rejects(log.append(drafts(3, 3), 2), (error: { code: string }) => /^(log_failed|outcome_unknown)$/.test(error.code));
    assert.equal(log.state(), 'failed');
    assert.deepEqual(disk.tree.find(ACTIVE) && disk.bytesOf(ACTIVE), before);
    await log.close();
  });
}

/** A log whose file is closed, on a disk without descriptors for a while. */
async function exhausted(): Promise<{ disk: FaultDisk; log: Log; relieve(): void }> {
  const disk = emptyDisk();
  const log = await createLog(disk, OPTIONS, quickly());
  await appendBatches(log, [1, 1]);
  await untilClosed(disk);
  const takeAway = ['open', 'openFolder'].map((method) => disk.fail({
    method: method as 'open', times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code: 'EMFILE' },
  }));
  return { disk, log, relieve: () => takeAway.forEach((take) => take()) };
}

test('refuses a batch without a descriptor, is neither failed nor read-only, and accepts the next one', async () => {
  const { disk, log, relieve } = await exhausted();
  const before = disk.bytesOf(ACTIVE);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await assert.rejects(log.append(drafts(3, 3), 2), { code: 'disk_failed' });
    assert.equal(log.state(), 'writable');
  }
  assert.deepEqual(disk.bytesOf(ACTIVE), before);
  assert.equal(log.position().seq, 2);
  relieve();
  await goOn(disk, log);
});

test('postpones a rotation without descriptors: the seal is written only once all are available', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS, quickly());
  await appendBatches(log, [1, 1]);
  const clear = disk.fail({ method: 'openFolder', times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code: 'EMFILE' } });
  await appendBatches(log, [1, 1]);
  assert.equal(log.state(), 'writable');
  assert.ok(!disk.bytesOf(ACTIVE).includes('"seal"'));
  clear();
  await goOn(disk, log, SMALL_SEGMENTS);
});

test('has not failed when no descriptor is left right after its segment was sealed', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk, SMALL_SEGMENTS, quickly());
  await appendBatches(log, [1, 1]);
  const gate = closedGate();
  disk.fail({ method: 'link', action: { kind: 'hold', until: gate.promise } });
  const appending = assert.rejects(log.append(drafts(3, 3), 2), { code: 'disk_failed' });
  await disk.settle();
  const clear = (['open', 'openFolder'] as const).map((method) => (
    disk.fail({ method, times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code: 'EMFILE' } })
  ));
  gate.open();
  await appending;
  assert.equal(log.state(), 'writable');
  for (const undo of clear) undo();
  await goOn(disk, log, SMALL_SEGMENTS);
});

test('the warning about a lack of descriptors names its project and no other', async () => {
  const disk = emptyDisk();
  const { logger, lines } = recordingLogger();
  const log = await createLog(disk, OPTIONS, { ...quickly(), logger });
  const clear = disk.fail({ method: 'open', path: ACTIVE, action: { kind: 'errno', code: 'ENFILE' } });
  await assert.rejects(log.append(drafts(1, 1), 0), { code: 'disk_failed' });
  clear();
  const warning = lines.find(({ level }) => level === 'warn') as { project?: string } | undefined;
  assert.equal(warning?.project, PROJECT);
  await log.close();
});

for (const code of ['EMFILE', 'ENFILE'] as const) {
  test(`has not failed when ${code} keeps a background sync from opening its file, and syncs later`, async () => {
    const disk = emptyDisk();
    const { logger, lines } = recordingLogger();
    const options = { ...OPTIONS, durability: 'interval', syncIntervalMs: 20 * IDLE_MS } as const;
    const log = await createLog(disk, options, { ...quickly(), logger });
    await log.append(drafts(1, 1), 0);
    // The sync of the cut covers the line before it too, so the file may be closed although its own sync is still pending.
    disk.fail({ method: 'append', path: ACTIVE, action: { kind: 'short', bytes: 10 } });
    await assert.rejects(log.append(drafts(2, 2), 1), { code: 'disk_full' });
    await untilClosed(disk);
    const struck = disk.struck.length;
    const clear = disk.fail({ method: 'open', path: ACTIVE, times: Number.POSITIVE_INFINITY, action: { kind: 'errno', code } });
    await until(() => disk.struck.length >= struck + 3);
    assert.notEqual(log.state(), 'failed');
    assert.equal(lines.filter(({ msg }) => msg.includes('could not be synced')).length, 1, 'it is logged once');
    clear();
    const from = disk.calls.length;
    await until(() => disk.calls.slice(from).some(({ method, path }) => method === 'datasync' && path === ACTIVE));
    assert.equal(log.state(), 'writable');
    await goOn(disk, log, options);
  });
}

test.run();
