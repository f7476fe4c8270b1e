import assert from 'node:assert/strict';
import { makeDataFolder, removeEmptyFolders } from '../../src/disk/data-folder.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('data-folder');

const FOLDER = '/srv/kv/data';
const LOSS = { content: 'synced', size: 'synced', names: 'synced' } as const;

/** A disk on which `/srv` is there to stay. */
async function diskWithParent(): Promise<FaultDisk> {
  const disk = new FaultDisk();
  await makeDataFolder(disk, '/srv');
  return disk;
}

test('makeDataFolder() makes the folder and those above it, and a loss of power takes none of them back', async () => {
  const disk = await diskWithParent();
  await makeDataFolder(disk, FOLDER);
  const survivor = disk.crash(LOSS);
  assert.equal((await survivor.status(FOLDER))?.isFolder, true);
});

test('without a sync of the folder above, a loss of power takes the folder back', async () => {
  const disk = await diskWithParent();
  await disk.makeFolder('/srv/kv');
  assert.equal(await disk.crash(LOSS).status('/srv/kv'), undefined);
});

test('makeDataFolder() changes nothing where the folder is there', async () => {
  const disk = await diskWithParent();
  await makeDataFolder(disk, FOLDER);
  const before = disk.calls.length;
  await makeDataFolder(disk, FOLDER);
  assert.deepEqual(disk.calls.slice(before).map(({ method }) => method), ['status']);
});

test('makeDataFolder() lets a failed sync be known', async () => {
  const disk = await diskWithParent();
  disk.fail({ method: 'syncFolder', action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(makeDataFolder(disk, FOLDER), { code: 'EIO' });
});

test('folders that were made and hold nothing are removed again, and only those', async () => {
  const disk = await diskWithParent();
  const made = await makeDataFolder(disk, FOLDER);
  assert.deepEqual(made, ['/srv/kv', FOLDER]);
  await removeEmptyFolders(disk, made);
  assert.equal(await disk.status('/srv/kv'), undefined);
  assert.equal((await disk.status('/srv'))?.isFolder, true);
});

test('a folder that holds anything stays, and so do those above it', async () => {
  const disk = await diskWithParent();
  const made = await makeDataFolder(disk, FOLDER);
  await disk.makeFolder(`${FOLDER}/p`);
  await removeEmptyFolders(disk, made);
  assert.equal((await disk.status(`${FOLDER}/p`))?.isFolder, true);
});

test.run();
