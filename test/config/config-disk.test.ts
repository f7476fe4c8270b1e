import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isErrno } from '../../src/base/app-error.js';
import { systemConfigDisk } from '../../src/config/config-disk.js';
import { suite } from '../suite.js';
import { inFolder } from './config-folder.js';

const test = suite('config-disk');

test('a new file is private to its owner and never replaces another one', async () => {
  await inFolder(async (folder) => {
    const name = path.join(folder, 'a');
    const file = await systemConfigDisk.open(name);
    await file.write('ä');
    await file.sync();
    await file.close();
    assert.equal((await stat(name)).mode & 0o777, 0o600);
    assert.equal(await systemConfigDisk.read(name), 'ä');
    await assert.rejects(systemConfigDisk.open(name), (error) => isErrno(error, 'EEXIST'));
  });
});

test('a missing file, one that cannot be read, and a folder are three things', async () => {
  await inFolder(async (folder) => {
    assert.equal(await systemConfigDisk.read(path.join(folder, 'a')), undefined);
    await mkdir(path.join(folder, 'b'));
    assert.equal(await systemConfigDisk.read(path.join(folder, 'b')), '');
    await writeFile(path.join(folder, 'c'), '');
    await assert.rejects(systemConfigDisk.read(path.join(folder, 'c', 'd')), (error) => isErrno(error, 'ENOTDIR'));
  });
});

test('link() refuses a name that is taken, rename() takes it', async () => {
  await inFolder(async (folder) => {
    const [first, second] = [path.join(folder, 'a'), path.join(folder, 'b')];
    await writeFile(first, '1');
    await writeFile(second, '2');
    await assert.rejects(systemConfigDisk.link(first, second), (error) => isErrno(error, 'EEXIST'));
    await systemConfigDisk.rename(first, second);
    assert.equal(await readFile(second, 'utf8'), '1');
    assert.deepEqual(await systemConfigDisk.list(folder), ['b']);
  });
});

test('a folder can be synced and closed', async () => {
  await inFolder(async (folder) => {
    const handle = await systemConfigDisk.openFolder(folder);
    await handle.sync();
    await handle.close();
    await assert.rejects(handle.sync());
  });
});

test.run();
