import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { HeldFile } from '../../src/disk/held-file.js';
import { IdleFiles } from '../../src/disk/idle-files.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('HeldFile');
const PLACE = '/f';
const IDLE_MS = 20;

function setUp(idleMs = IDLE_MS): { disk: FaultDisk; file: HeldFile } {
  const disk = new FaultDisk();
  disk.put(PLACE, 'abc');
  return { disk, file: new HeldFile(() => disk.open(PLACE, 'append'), new IdleFiles({ idleMs })) };
}

const opened = (disk: FaultDisk): number => disk.calls.filter(({ method }) => method === 'open').length;

test('a file is opened on its first use, kept for the next, and closed after a while without use', async () => {
  const { disk, file } = setUp();
  assert.deepEqual(disk.openPaths, []);
  assert.equal(await file.use(async (open) => (await open.status()).sizeBytes), 3);
  await file.use((open) => open.datasync());
  assert.deepEqual([disk.openPaths, opened(disk)], [[PLACE], 1]);
  await delay(4 * IDLE_MS);
  assert.deepEqual(disk.openPaths, []);
  await file.use((open) => open.datasync());
  assert.equal(opened(disk), 2);
  await file.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a file is never closed during a use, however long that takes', async () => {
  const { disk, file } = setUp(1);
  const using = file.use(async (open) => {
    await delay(40);
    await file.release();
    await open.datasync();
  });
  await delay(20);
  assert.deepEqual(disk.openPaths, [PLACE]);
  await using;
  await file.close();
});

test('a kept file stays open until it is no longer kept', async () => {
  const { disk, file } = setUp(1);
  await file.use(() => {
    file.keep(true);
    return Promise.resolve();
  });
  await file.release();
  await delay(20);
  assert.deepEqual(disk.openPaths, [PLACE]);
  file.keep(false);
  await delay(20);
  assert.deepEqual(disk.openPaths, []);
});

test('concurrent uses share one descriptor, and closing waits for them', async () => {
  const { disk, file } = setUp();
  const using = Promise.all([1, 2, 3].map(() => file.use((open) => open.datasync())));
  await file.close();
  assert.equal(opened(disk), 1);
  await using;
  assert.deepEqual(disk.openPaths, []);
  await assert.rejects(file.use((open) => open.datasync()), { name: 'InvariantError' });
});

test('a failed opening fails the use without effect, and the next use opens again', async () => {
  const { disk, file } = setUp();
  disk.fail({ method: 'open', action: { kind: 'errno', code: 'EMFILE' } });
  let isBegun = false;
  const use = (): Promise<void> => file.use((open) => {
    isBegun = true;
    return open.datasync();
  });
  await assert.rejects(use(), { name: 'NotOpenedError', code: 'EMFILE' });
  assert.equal(isBegun, false);
  await use();
  await file.close();
});

test('an invalid descriptor is given up, and the next use reopens the file; any other error keeps it', async () => {
  const { disk, file } = setUp();
  for (const [code, openings] of [['EIO', 1], ['EBADF', 1], ['EIO', 2], ['EBADF', 2]] as const) {
    disk.fail({ method: 'datasync', action: { kind: 'errno', code } });
    await assert.rejects(file.use((open) => open.datasync()), { code });
    assert.equal(opened(disk), openings, code);
  }
  file.keep(true);
  await file.use((open) => open.datasync());
  assert.equal(opened(disk), 3);
  await file.close();
  assert.deepEqual(disk.openPaths, []);
});

test('beyond the maximum number of idle files the longest idle one is closed; files in use do not count', async () => {
  const disk = new FaultDisk();
  const idleFiles = new IdleFiles({ filesMax: 2 });
  const files = [1, 2, 3, 4].map((number) => {
    disk.put(`/f${number}`, '');
    return new HeldFile(() => disk.open(`/f${number}`, 'append'), idleFiles);
  });
  await Promise.all(files.map((file) => file.use((open) => open.datasync())));
  await disk.settle();
  assert.equal(disk.openPaths.length, 2);
  const all = files.map((file) => file.use(async (open) => {
    await disk.settle();
    await open.datasync();
    return disk.openPaths.length;
  }));
  assert.equal(Math.max(...await Promise.all(all)), 4);
  await Promise.all(files.map((file) => file.close()));
});

test('all idle files can be closed at once, for a process without descriptors', async () => {
  const disk = new FaultDisk();
  const idleFiles = new IdleFiles();
  const [used, idle] = ['/f1', '/f2'].map((place) => {
    disk.put(place, '');
    return new HeldFile(() => disk.open(place, 'append'), idleFiles);
  });
  assert.equal(await idleFiles.releaseAll(), false);
  await idle?.use((open) => open.datasync());
  await used?.use(async () => {
    // Concurrent callers wait for the same files.
    assert.deepEqual(await Promise.all([idleFiles.releaseAll(), idleFiles.releaseAll()]), [true, true]);
    assert.deepEqual(disk.openPaths, ['/f1']);
  });
  await used?.close();
});

test.run();
