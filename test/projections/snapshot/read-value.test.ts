import assert from 'node:assert/strict';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitEntries, emptyDisk, flatten, folderOn } from './snapshot-fixture.js';

const test = suite('projections/snapshot/read-value');
const SEQS = [1, 2, 3, 4, 5, 6, 7];

async function generations(): Promise<{ disk: FaultDisk; manifests: SnapshotManifest[] }> {
  const disk = emptyDisk();
  const manifests: SnapshotManifest[] = [];
  for (const seq of SEQS) manifests.push(await commitEntries(disk, [['a', `"${seq}"`, 1], ['b', '22', 1]], seq));
  return { disk, manifests };
}

test('a value is read at its offset in the index', async () => {
  const { disk, manifests } = await generations();
  const folder = folderOn(disk);
  for (const manifest of manifests) {
    const [a, b] = await flatten(folder.readIndex(manifest));
    assert.equal((await folder.readValue(manifest.seq, a?.offset ?? 0, a?.sizeBytes ?? 0)).toString(), `"${manifest.seq}"`);
    assert.equal((await folder.readValue(manifest.seq, b?.offset ?? 0, b?.sizeBytes ?? 0)).toString(), '22');
  }
  await folder.close();
  assert.deepEqual(disk.openPaths, []);
});

test('at most four files are open however many reads there are, and every read completes', async () => {
  const { disk } = await generations();
  const folder = folderOn(disk);
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.fail({ method: 'read', times: Number.POSITIVE_INFINITY, action: { kind: 'hold', until } });
  const reads = [...SEQS, ...SEQS, ...SEQS].map((seq) => folder.readValue(seq, 6, 3));
  await disk.settle();
  assert.equal(new Set(disk.openPaths).size, 4);
  assert.equal(disk.openPaths.length, 4);
  release();
  assert.deepEqual((await Promise.all(reads)).map(String), [...SEQS, ...SEQS, ...SEQS].map((seq) => `"${seq}"`));
  assert.ok(disk.openPaths.length <= 4);
  await folder.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a file stays open for the next read', async () => {
  const { disk } = await generations();
  const folder = folderOn(disk);
  const callsBefore = disk.calls.length;
  for (let count = 0; count < 10; count += 1) await folder.readValue(3, 6, 3);
  assert.equal(disk.calls.slice(callsBefore).filter(({ method }) => method === 'open').length, 1);
});

test('a read in progress keeps its file open while the generation is removed', async () => {
  const { disk } = await generations();
  const folder = folderOn(disk);
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.fail({ method: 'read', action: { kind: 'hold', until } });
  const read = folder.readValue(3, 6, 3);
  await disk.settle();
  await folder.remove(3);
  assert.equal(disk.openPaths.length, 1);
  release();
  assert.equal(String(await read), '"3"');
  assert.deepEqual(disk.openPaths, []);
  await assert.rejects(folder.readValue(3, 6, 3), SnapshotCorruptError);
});

test('a missing piece is refused, and opening a file is retried on the next read', async () => {
  const { disk } = await generations();
  const folder = folderOn(disk);
  await assert.rejects(folder.readValue(3, 10, 30), /expected 30 bytes, found/);
  disk.fail({ method: 'open', path: '4.json', action: { kind: 'errno', code: 'EMFILE' } });
  const both = await Promise.allSettled([folder.readValue(4, 6, 3), folder.readValue(4, 6, 3)]);
  assert.deepEqual(both.map(({ status }) => status), ['rejected', 'rejected']);
  assert.equal(String(await folder.readValue(4, 6, 3)), '"4"');
  disk.fail({ method: 'read', path: '4.json', action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(folder.readValue(4, 6, 3), SnapshotCorruptError);
  // The failures cost no descriptor: all generations can still be read.
  for (const seq of SEQS) assert.equal(String(await folder.readValue(seq, 6, 3)), `"${seq}"`);
});

test.run();
