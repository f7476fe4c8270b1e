import assert from 'node:assert/strict';
import { setImmediate as nextRound, setTimeout as delay } from 'node:timers/promises';
import { FilePool } from '../../src/disk/file-pool.js';
import { IdleFiles } from '../../src/disk/idle-files.js';
import type { ReadableFile } from '../../src/disk/disk.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('FilePool');

function diskOf(count: number): FaultDisk {
  const disk = new FaultDisk();
  for (let number = 1; number <= count; number += 1) disk.put(`/f${number}`, `${number}`);
  return disk;
}

async function read(file: ReadableFile): Promise<string> {
  const bytes = Buffer.alloc(1);
  await file.read(bytes, 0);
  return bytes.toString();
}

test('a file is opened once and kept; beyond the limit the least recently used one is closed', async () => {
  const disk = diskOf(3);
  const pool = new FilePool(2);
  const use = (key: number): Promise<string> => pool.use(key, () => disk.open(`/f${key}`, 'read'), read);
  assert.deepEqual([await use(1), await use(2), await use(1), await use(3), await use(1)], ['1', '2', '1', '3', '1']);
  assert.deepEqual(disk.calls.filter(({ method }) => method === 'open').map(({ path }) => path), ['/f1', '/f2', '/f3']);
  assert.deepEqual([...disk.openPaths].sort(), ['/f1', '/f3']);
  await pool.drop(1);
  await pool.drop(2);
  assert.deepEqual(disk.openPaths, ['/f3']);
  await pool.close();
  assert.deepEqual(disk.openPaths, []);
});

test('concurrent reads never hold more than the maximum number of files, and none is closed during a read', async () => {
  const disk = diskOf(6);
  const pool = new FilePool(2);
  let openMax = 0;
  const use = (key: number): Promise<string> => pool.use(key, () => disk.open(`/f${key}`, 'read'), async (file) => {
    openMax = Math.max(openMax, disk.openPaths.length);
    await nextRound();
    await nextRound();
    return await read(file);
  });
  const keys = Array.from({ length: 60 }, (_, index) => (index * 7) % 6 + 1);
  assert.deepEqual(await Promise.all(keys.map(use)), keys.map(String));
  assert.equal(openMax, 2);
  await pool.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a file that is dropped, or whose pool is closed, during a read is released after the read', async () => {
  for (const how of ['drop', 'close'] as const) {
    const disk = diskOf(1);
    const pool = new FilePool(2);
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const reading = pool.use(1, () => disk.open('/f1', 'read'), async (file) => {
      await finished;
      return await read(file);
    });
    await nextRound();
    const leaving = how === 'drop' ? pool.drop(1) : pool.close();
    await nextRound();
    assert.deepEqual(disk.openPaths, ['/f1']);
    finish();
    assert.equal(await reading, '1');
    await leaving;
    assert.deepEqual(disk.openPaths, []);
  }
});

test('a file that cannot be opened fails its current users, and the next one tries again', async () => {
  const disk = diskOf(1);
  const pool = new FilePool(1);
  const use = (): Promise<string> => pool.use(1, () => disk.open('/f1', 'read'), read);
  disk.fail({ method: 'open', action: { kind: 'errno', code: 'EMFILE' } });
  const [first, second] = await Promise.allSettled([use(), use()]);
  assert.equal(first.status, 'rejected');
  assert.equal(second.status, 'rejected');
  assert.equal(await use(), '1');
  await assert.rejects(pool.use(2, () => disk.open('/f2', 'read'), read), { code: 'ENOENT' });
  assert.equal(await use(), '1');
  await assert.rejects(pool.use(1, () => disk.open('/f1', 'read'), () => Promise.reject(new Error('spoilt'))), /spoilt/);
  await pool.close();
  assert.deepEqual(disk.openPaths, []);
});

test('an idle file is closed after a while, and reopened by the next read', async () => {
  const disk = diskOf(2);
  const pool = new FilePool(2, new IdleFiles({ idleMs: 20 }));
  const use = (key: number): Promise<string> => pool.use(key, () => disk.open(`/f${key}`, 'read'), read);
  await Promise.all([use(1), use(2)]);
  await delay(80);
  assert.deepEqual(disk.openPaths, []);
  assert.equal(await use(1), '1');
  assert.deepEqual(disk.openPaths, ['/f1']);
  await pool.close();
});

test('a failed close blocks no read', async () => {
  const disk = diskOf(2);
  const pool = new FilePool(1);
  disk.fail({ method: 'close', action: { kind: 'errno', code: 'EIO' } });
  const use = (key: number): Promise<string> => pool.use(key, () => disk.open(`/f${key}`, 'read'), read);
  assert.deepEqual(await Promise.all([use(1), use(2), use(1)]), ['1', '2', '1']);
  await pool.close();
});

test.run();
