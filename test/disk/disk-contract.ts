/** The contract of a disk as one suite, run for the real disk and for the disk of the tests. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { appendAll, changeFolder, type Disk, TIME_ROUNDING_MS } from '../../src/disk/disk.js';
import { suite } from '../suite.js';

const TIME_STEP_MS = 20;

/** A disk, and an empty folder on it. */
export interface DiskSubject {
  readonly disk: Disk;
  readonly folder: string;
}

/**
 * Registers and runs the suite.
 *
 * @param name the disk's name
 * @param withDisk runs a body with an empty folder
 */
export function testDiskContract(name: string, withDisk: (body: (subject: DiskSubject) => Promise<void>) => Promise<void>): void {
  const test = suite(`the contract of a disk: ${name}`);

  async function write(disk: Disk, place: string, text: string): Promise<void> {
    const file = await disk.open(place, 'create');
    await appendAll(file, Buffer.from(text));
    await file.close();
  }

  async function read(disk: Disk, place: string): Promise<string> {
    const file = await disk.open(place, 'read');
    const { sizeBytes } = await file.status();
    const bytes = Buffer.alloc(sizeBytes);
    assert.equal(await file.read(bytes, 0), sizeBytes);
    await file.close();
    return bytes.toString();
  }

  test('a file is made once, and appended to at its end wherever that is', () => withDisk(async ({ disk, folder }) => {
    const place = `${folder}/a`;
    await write(disk, place, 'one');
    await assert.rejects(disk.open(place, 'create'), { code: 'EEXIST' });
    const file = await disk.open(place, 'append');
    assert.equal(await file.append(Buffer.from('two')), 3);
    await file.truncate(4);
    assert.equal(await file.append(Buffer.from('three')), 5);
    await file.datasync();
    assert.equal((await file.status()).sizeBytes, 9);
    await file.close();
    assert.equal(await read(disk, place), 'onetthree');
  }));

  test('a file is read from an offset, and returns fewer bytes only at its end', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abcdef');
    const file = await disk.open(`${folder}/a`, 'read');
    const into = Buffer.alloc(4);
    assert.equal(await file.read(into, 1), 4);
    assert.equal(into.toString(), 'bcde');
    assert.equal(await file.read(into, 4), 2);
    assert.equal(await file.read(into, 6), 0);
    assert.equal(await file.read(into, 60), 0);
    await file.close();
  }));

  test('bytes inside a file are overwritten', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abcdef');
    const file = await disk.open(`${folder}/a`, 'overwrite');
    assert.equal(await file.overwrite(Buffer.from('XY'), 2), 2);
    await file.datasync();
    await file.close();
    assert.equal(await read(disk, `${folder}/a`), 'abXYef');
  }));

  test('a file opened in one mode refuses the calls of another', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const reader = await disk.open(`${folder}/a`, 'read');
    await assert.rejects(reader.append(Buffer.from('x')), { code: 'EBADF' });
    await reader.close();
    const creator = await disk.open(`${folder}/b`, 'create');
    await assert.rejects(creator.read(Buffer.alloc(1), 0), { code: 'EBADF' });
    await creator.close();
    for (const mode of ['append', 'read', 'overwrite'] as const) {
      await assert.rejects(disk.open(`${folder}/none`, mode), { code: 'ENOENT' });
    }
  }));

  test('a file that is appended to can be read through the same descriptor', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const file = await disk.open(`${folder}/a`, 'append');
    await file.append(Buffer.from('de'));
    const into = Buffer.alloc(3);
    assert.equal(await file.read(into, 2), 3);
    assert.equal(into.toString(), 'cde');
    await file.close();
  }));

  test('closing waits for every call made before it, including queued ones', () => withDisk(async ({ disk, folder }) => {
    const files = await Promise.all(Array.from({ length: 8 }, (_, index) => disk.open(`${folder}/f${index}`, 'create')));
    const names = await disk.openFolder(folder);
    // More syncs than can be in flight: the last ones are still queued when their descriptors are closed.
    const results = await Promise.allSettled([
      ...files.flatMap((file) => [file.append(Buffer.from('x')), file.datasync(), file.datasync()]),
      names.sync(), names.sync(), ...files.map((file) => file.close()), names.close(),
    ]);
    assert.deepEqual(results.filter((result) => result.status === 'rejected'), []);
  }));

  test('a call on a closed descriptor is a defect of the caller, not a failure of the disk', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const file = await disk.open(`${folder}/a`, 'append');
    const names = await disk.openFolder(folder);
    await Promise.all([file.close(), names.close()]);
    const calls = [
      file.append(Buffer.from('d')), file.datasync(), file.status(), file.truncate(1), file.read(Buffer.alloc(1), 0), file.close(),
      names.sync(), names.close(),
    ];
    for (const call of await Promise.allSettled(calls)) {
      assert.equal(call.status, 'rejected');
      assert.equal((call.reason as Error).name, 'InvariantError');
    }
    assert.equal(await read(disk, `${folder}/a`), 'abc');
  }));

  test('names are listed, looked up, linked, renamed and removed', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    await disk.makeFolder(`${folder}/inner/most`);
    await disk.makeFolder(`${folder}/inner`);
    assert.deepEqual([...await disk.list(folder)].sort(), ['a', 'inner']);
    assert.deepEqual(await disk.list(`${folder}/none`), []);
    const status = await disk.status(`${folder}/a`);
    assert.ok(status && !status.isFolder && status.sizeBytes === 3);
    assert.equal((await disk.status(`${folder}/inner`))?.isFolder, true);
    assert.equal(await disk.status(`${folder}/none`), undefined);
    await disk.link(`${folder}/a`, `${folder}/inner/b`);
    assert.equal((await disk.status(`${folder}/inner/b`))?.inode, status.inode);
    await assert.rejects(disk.link(`${folder}/a`, `${folder}/inner/b`), { code: 'EEXIST' });
    await write(disk, `${folder}/c`, 'new');
    await disk.rename(`${folder}/c`, `${folder}/a`);
    assert.equal(await read(disk, `${folder}/a`), 'new');
    assert.equal(await read(disk, `${folder}/inner/b`), 'abc');
    await disk.unlink(`${folder}/a`);
    await disk.unlink(`${folder}/a`);
    await disk.rename(`${folder}/inner`, `${folder}/outer`);
    assert.equal(await read(disk, `${folder}/outer/b`), 'abc');
    await assert.rejects(disk.rename(`${folder}/none`, `${folder}/x`), { code: 'ENOENT' });
    await assert.rejects(disk.removeFolder(`${folder}/outer`), { code: 'ENOTEMPTY' });
    await disk.unlink(`${folder}/outer/b`);
    await disk.removeFolder(`${folder}/outer/most`);
    await disk.removeFolder(`${folder}/outer`);
    await disk.removeFolder(`${folder}/outer`);
    assert.deepEqual(await disk.list(folder), []);
  }));

  test('a clone has the same bytes and shares none with its source, or there is none', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const isCloned = await disk.clone(`${folder}/a`, `${folder}/b`);
    assert.deepEqual([...await disk.list(folder)].sort(), isCloned ? ['a', 'b'] : ['a']);
    if (isCloned) {
      const file = await disk.open(`${folder}/b`, 'overwrite');
      await file.overwrite(Buffer.from('X'), 0);
      await file.truncate(2);
      await file.close();
      assert.equal(await read(disk, `${folder}/b`), 'Xb');
      assert.equal(await read(disk, `${folder}/a`), 'abc');
    }
    await write(disk, `${folder}/taken`, 'x');
    assert.ok(isCloned ? await disk.clone(`${folder}/a`, `${folder}/taken`).catch(({ code }) => code === 'EEXIST') : true);
    assert.equal(await read(disk, `${folder}/taken`), 'x');
    await assert.rejects(disk.clone(`${folder}/none`, `${folder}/c`), { code: 'ENOENT' });
  }));

  test('a file says when its content last changed, and keeps that under another name', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const first = await disk.status(`${folder}/a`);
    assert.ok(first !== undefined && first.modifiedMs > 0);
    await disk.rename(`${folder}/a`, `${folder}/b`);
    assert.equal((await disk.status(`${folder}/b`))?.modifiedMs, first.modifiedMs);
    // Some file systems have a time resolution of ten milliseconds or more.
    await sleep(TIME_STEP_MS);
    const file = await disk.open(`${folder}/b`, 'append');
    await file.append(Buffer.from('d'));
    await file.close();
    assert.ok(((await disk.status(`${folder}/b`))?.modifiedMs ?? 0) > first.modifiedMs);
  }));

  test('the time of a file can be set, and when that was done is still known', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const before = await disk.status(`${folder}/a`);
    assert.ok(before !== undefined);
    await sleep(TIME_STEP_MS);
    const wanted = before.modifiedMs - 5000.25;
    await disk.setModified(`${folder}/a`, wanted);
    const after = await disk.status(`${folder}/a`);
    assert.ok(after !== undefined && Math.abs(after.modifiedMs - wanted) < TIME_ROUNDING_MS);
    assert.ok(after.changedMs > before.changedMs);
    assert.equal(await read(disk, `${folder}/a`), 'abc');
    await assert.rejects(disk.setModified(`${folder}/none`, wanted), { code: 'ENOENT' });
  }));

  test('a file that lost its name can still be written', () => withDisk(async ({ disk, folder }) => {
    await write(disk, `${folder}/a`, 'abc');
    const file = await disk.open(`${folder}/a`, 'append');
    await disk.unlink(`${folder}/a`);
    await file.append(Buffer.from('d'));
    assert.equal((await file.status()).sizeBytes, 4);
    await file.close();
    assert.equal(await disk.status(`${folder}/a`), undefined);
  }));

  test('a folder is changed and synced, and released also when the change fails', () => withDisk(async ({ disk, folder }) => {
    await changeFolder(disk, folder, () => write(disk, `${folder}/a`, 'x'));
    await assert.rejects(changeFolder(disk, folder, () => Promise.reject(new Error('no'))), /no/);
    await assert.rejects(disk.openFolder(`${folder}/none`), { code: 'ENOENT' });
    await assert.rejects(disk.openFolder(`${folder}/a`), { code: 'ENOTDIR' });
  }));

  test.run();
}
