import assert from 'node:assert/strict';
import { makeDataFolder, removeEmptyFolders } from '../../src/disk/data-folder.js';
import { suite } from '../suite.js';
import { FaultDisk } from './fault-disk.js';

const test = suite('data-folder');

const FOLDER = '/srv/kv/data';
const LOSS = { content: 'synced', size: 'synced', names: 'synced' } as const;

/** A disk on which `/srv` is durable. */
async function diskWithParent(): Promise<FaultDisk> {
  const disk = new FaultDisk();
  await makeDataFolder(disk, '/srv');
  return disk;
}

test('makeDataFolder() creates the folder and its parents, and a power failure loses none of them', async () => {
  const disk = await diskWithParent();
  await makeDataFolder(disk, FOLDER);
  const survivor = disk.crash(LOSS);
  assert.equal((await survivor.status(FOLDER))?.isFolder, true);
});

test('without a sync of the parent, a power failure loses the folder', async () => {
  const disk = await diskWithParent();
  await disk.makeFolder('/srv/kv');
  assert.equal(await disk.crash(LOSS).status('/srv/kv'), undefined);
});

test('makeDataFolder() changes nothing if the folder exists', async () => {
  const disk = await diskWithParent();
  await makeDataFolder(disk, FOLDER);
  const before = disk.calls.length;
  await makeDataFolder(disk, FOLDER);
  assert.deepEqual(disk.calls.slice(before).map(({ method }) => method), ['status']);
});

test('makeDataFolder() reports a failed sync', async () => {
  const disk = await diskWithParent();
  disk.fail({ method: 'syncFolder', action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(makeDataFolder(disk, FOLDER), { code: 'EIO' });
});

test('only created folders that are still empty are removed again', async () => {
  const disk = await diskWithParent();
  const made = await makeDataFolder(disk, FOLDER);
  assert.deepEqual(made, ['/srv/kv', FOLDER]);
  await removeEmptyFolders(disk, made);
  assert.equal(await disk.status('/srv/kv'), undefined);
  assert.equal((await disk.status('/srv'))?.isFolder, true);
});

test('a folder that is not empty stays, and so do its parents', async () => {
  const disk = await diskWithParent();
  const made = await makeDataFolder(disk, FOLDER);
  await disk.makeFolder(`${FOLDER}/p`);
  await removeEmptyFolders(disk, made);
  assert.equal((await disk.status(`${FOLDER}/p`))?.isFolder, true);
});

test.run();
