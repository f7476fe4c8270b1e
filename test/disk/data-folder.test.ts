import assert from 'node:assert/strict';
import { makeDataFolder } from '../../src/disk/data-folder.js';
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

test.run();
