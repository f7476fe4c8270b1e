import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { encodeManifest, MANIFEST_BYTES_MAX } from '../../../src/projections/snapshot/manifest-format.js';
import { SnapshotCorruptError, SnapshotVersionError } from '../../../src/projections/snapshot/snapshot-errors.js';
import { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import {
  commitEntries, emptyDisk, entriesOf, FOLDER, folderOn, HOME, manifestOf, namesIn, READABLE, writeData,
} from './snapshot-fixture.js';

const test = suite('projections/snapshot/snapshot-folder');
const path = (seq: number, part: string): string => `${FOLDER}/snap-${String(seq).padStart(20, '0')}.${part}`;

test('committed generations are listed newest first, with the digest of their manifest', async () => {
  const disk = emptyDisk();
  const manifests = [];
  for (const seq of [5, 12, 9]) manifests.push(await commitEntries(disk, [['a', String(seq), 1]], seq));
  await writeData(disk, [], 20);
  const { committed, unreadable } = await folderOn(disk).list();
  assert.deepEqual(committed.map(({ seq }) => seq), [12, 9, 5]);
  const [newest] = committed;
  assert.ok(newest);
  const { digest, ...manifest } = newest;
  assert.deepEqual(manifest, manifests[1]);
  assert.equal(digest, encodeManifest(manifest).digest);
  assert.deepEqual(unreadable, []);
});

test('a missing folder has no generations, and is created for the first one', async () => {
  const disk = new FaultDisk();
  disk.tree.makeFolder(HOME);
  disk.tree.syncAll();
  assert.deepEqual(await folderOn(disk).list(), { committed: [], unreadable: [] });
  assert.deepEqual(await folderOn(disk).dropUnfinished(), []);
  await commitEntries(disk, [['a', '1', 1]], 3);
  const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
  assert.equal((await folderOn(survivor).list()).committed.length, 1);
});

test('an unusable manifest is reported, and the others are still listed', async () => {
  const disk = emptyDisk();
  for (const seq of [1, 2, 3, 4]) await commitEntries(disk, [], seq);
  disk.put(path(2, 'manifest'), 'nonsense');
  disk.put(path(3, 'manifest'), disk.bytesOf(path(1, 'manifest')));
  disk.put(path(4, 'manifest'), disk.bytesOf(path(4, 'manifest')).toString().replace('snapshot/2', 'snapshot/3'));
  disk.fail({ method: 'read', path: path(1, 'manifest'), action: { kind: 'errno', code: 'EIO' } });
  const { committed, unreadable } = await folderOn(disk).list();
  assert.deepEqual(committed, []);
  assert.deepEqual(unreadable.map(({ seq, error }) => [seq, error.constructor]), [
    [4, SnapshotVersionError], [3, SnapshotCorruptError], [2, SnapshotCorruptError], [1, SnapshotCorruptError],
  ]);
  assert.match(unreadable[1]?.error.message ?? '', /expected seq 3, found seq 1/);
  assert.equal((await folderOn(disk).list()).committed.length, 1, 'the disk can read it again');
});

test('a manifest that cannot be opened or read is reported, unless the machine is short of resources', async () => {
  for (const method of ['open', 'read'] as const) {
    for (const code of ['EIO', 'EISDIR', 'ELOOP', 'EACCES', 'ENOTDIR', 'ENXIO']) {
      const disk = emptyDisk();
      for (const seq of [1, 2]) await commitEntries(disk, [], seq);
      disk.fail({ method, path: path(2, 'manifest'), action: { kind: 'errno', code } });
      const { committed, unreadable } = await folderOn(disk).list();
      assert.deepEqual(committed.map(({ seq }) => seq), [1], code);
      assert.deepEqual(unreadable.map(({ name }) => name), ['snap-00000000000000000002.manifest'], code);
      assert.match(unreadable[0]?.error.message ?? '', new RegExp(`expected a file that can be read, found ${code}`));
      assert.deepEqual(disk.openPaths, []);
    }
    for (const code of ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']) {
      const disk = emptyDisk();
      await commitEntries(disk, [], 1);
      disk.fail({ method, path: path(1, 'manifest'), action: { kind: 'errno', code } });
      await assert.rejects(folderOn(disk).list(), { code });
    }
  }
});

test('a commit returns the digest, and leaves exactly three files', async () => {
  const disk = emptyDisk();
  const manifest = manifestOf(await writeData(disk, [['a', '1', 1]], 5), 5);
  assert.equal(await folderOn(disk).commit(manifest), encodeManifest(manifest).digest);
  assert.ok(namesIn(disk).every((name) => /\.(?:json|index|manifest)$/.test(name)));
  assert.equal(disk.tree.find(READABLE), undefined, 'the file beside the log is written apart');
});

test('a failed commit leaves no file of its generation', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, [['a', '1', 1]], 5);
  const before = namesIn(disk);
  const manifest = manifestOf(await writeData(disk, [['a', '2', 6]], 6), 6);
  disk.roomBytes = 10;
  await assert.rejects(folderOn(disk).commit(manifest), (error: unknown) => error instanceof AppError && error.code === 'disk_full');
  assert.deepEqual(namesIn(disk), before);
});

test('a manifest too large to be read is not committed', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, [['a', '1', 1]], 5);
  const before = namesIn(disk);
  const manifest = { ...manifestOf(await writeData(disk, [['a', '2', 6]], 6), 6), state: 'x'.repeat(MANIFEST_BYTES_MAX) };
  await assert.rejects(folderOn(disk).commit(manifest), { code: 'compaction_failed' });
  assert.deepEqual(namesIn(disk), before);
});

test('removing deletes the manifest first, and leaves the other generations', async () => {
  const disk = emptyDisk();
  const older = await commitEntries(disk, [['a', '1', 1]], 5);
  await commitEntries(disk, [['a', '2', 6]], 6);
  const callsBefore = disk.calls.length;
  await folderOn(disk).remove(6);
  const steps = disk.calls.slice(callsBefore).filter(({ method }) => method === 'unlink' || method === 'syncFolder');
  const first = steps.slice(0, 2).map(({ method, path: place }) => [method, place]);
  assert.deepEqual(first, [['unlink', path(6, 'manifest')], ['syncFolder', FOLDER]]);
  assert.ok(namesIn(disk).every((name) => name.includes('05.')));
  assert.deepEqual(await entriesOf(disk, older), [['a', '1', 1]]);
});

test('only leftovers of attempts are dropped, and their names are returned', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, [['a', '1', 1]], 5);
  await commitEntries(disk, [], 7);
  disk.put(path(7, 'manifest'), 'damaged');
  const stays = [...namesIn(disk), 'head', 'snap-notes.txt', '00000000000000000001.jsonl'].sort();
  for (const name of ['head', 'snap-notes.txt', '00000000000000000001.jsonl']) disk.put(`${FOLDER}/${name}`, 'x');
  const left = ['manifest-new', 'copy-new', 'link-new', 'run-1'].map((part) => path(5, part));
  const rest = [...left, path(6, 'json'), path(6, 'index'), path(9, 'run-12')];
  for (const place of rest) disk.put(place, 'x');
  const dropped = await folderOn(disk).dropUnfinished();
  assert.deepEqual(dropped.map((name) => `${FOLDER}/${name}`).sort(), rest.sort());
  assert.deepEqual(namesIn(disk), stays);
  assert.deepEqual(await folderOn(disk).dropUnfinished(), []);
});

test.run();
