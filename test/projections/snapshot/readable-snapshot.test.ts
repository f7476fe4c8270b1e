/** `<project>.json` beside the log: its content, when it is rewritten, and that no change to it affects a generation. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { commitEntries, emptyDisk, FOLDER, folderOn, HOME, namesIn, READABLE } from './snapshot-fixture.js';

const test = suite('projections/snapshot/readable-snapshot');
const jsonOf = (seq: number): string => `${FOLDER}/snap-${String(seq).padStart(20, '0')}.json`;
const ONE = '{\n"a":1\n}\n';

/** A disk with a generation of seq 5 and its readable snapshot. */
async function shownDisk(canClone = false): Promise<FaultDisk> {
  const disk = emptyDisk();
  disk.canClone = canClone;
  await folderOn(disk).readable.write(await commitEntries(disk, [['a', '1', 1]], 5));
  return disk;
}

async function refresh(disk: FaultDisk, seq: number): Promise<void> {
  await folderOn(disk).readable.refresh(await folderOn(disk).read(seq));
}

function writesSince(disk: FaultDisk, start: number): readonly string[] {
  return disk.calls.slice(start).map(({ method }) => method).filter((method) => ['rename', 'append', 'clone', 'link'].includes(method));
}

for (const canClone of [true, false]) {
  test(`the copy has the values in a file of its own, on a disk that ${canClone ? 'can' : 'cannot'} share blocks`, async () => {
    const disk = await shownDisk(canClone);
    assert.equal(disk.bytesOf(READABLE).toString(), ONE);
    assert.notEqual(disk.tree.file(READABLE).inode, disk.tree.file(jsonOf(5)).inode);
    const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
    assert.equal(survivor.bytesOf(READABLE).toString(), ONE, 'it survives a loss of power');
    disk.tree.file(READABLE).bytes = Buffer.from('cut');
    assert.equal(disk.bytesOf(jsonOf(5)).toString(), ONE);
    assert.ok(namesIn(disk).every((name) => !name.endsWith('-new')));
  });
}

test('an up-to-date copy is not rewritten, even by another process', async () => {
  const disk = await shownDisk();
  const start = disk.calls.length;
  await refresh(disk, 5);
  assert.deepEqual(writesSince(disk, start), []);
  const next = disk.crash();
  await refresh(next, 5);
  assert.deepEqual(writesSince(next, 0), []);
});

/** Changes to the file by a person or a program, and leftovers of older versions. */
const DONE_TO_IT: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'removed': (disk) => disk.tree.remove(READABLE),
  'cut to nothing': (disk) => disk.put(READABLE, ''),
  'edited so that it kept its size': (disk) => disk.put(READABLE, '{\n"a":9\n}\n'),
  'replaced by something else': (disk) => disk.put(READABLE, '{"a":1,"mine":true}'),
  'a second name of the generation, as older versions made it': (disk) => {
    disk.tree.remove(READABLE);
    disk.tree.link(jsonOf(5), READABLE);
  },
};
for (const [name, change] of Object.entries(DONE_TO_IT)) {
  test(`a copy that was ${name} is rewritten, and the generation stays as it is`, async () => {
    const disk = await shownDisk();
    change(disk);
    await refresh(disk, 5);
    assert.equal(disk.bytesOf(READABLE).toString(), ONE);
    assert.equal(disk.bytesOf(jsonOf(5)).toString(), ONE);
    assert.notEqual(disk.tree.file(READABLE).inode, disk.tree.file(jsonOf(5)).inode);
  });
}

test('a copy of the previous snapshot is rewritten even if both have the same size', async () => {
  const disk = await shownDisk();
  await commitEntries(disk, [['a', '2', 6]], 6);
  await refresh(disk, 6);
  assert.equal(disk.bytesOf(READABLE).toString(), '{\n"a":2\n}\n');
});

test('a copy that lost its time in a power loss is rewritten', async () => {
  const disk = await shownDisk();
  await disk.setModified(READABLE, disk.tree.file(READABLE).changedMs);
  const start = disk.calls.length;
  await refresh(disk, 5);
  assert.ok(writesSince(disk, start).includes('rename'));
});

test('a copy older than the generation is rewritten even if coarse times make them equal', async () => {
  const disk = await shownDisk();
  await commitEntries(disk, [['a', '2', 6]], 6);
  disk.tree.file(READABLE).modifiedMs = disk.tree.file(jsonOf(6)).modifiedMs;
  await refresh(disk, 6);
  assert.equal(disk.bytesOf(READABLE).toString(), '{\n"a":2\n}\n');
});

/** Damage to the values of a committed generation. */
const DAMAGE: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'holds another byte': (disk) => disk.put(jsonOf(6), '{\n"a":32\n}\n'),
  'is cut short': (disk) => disk.put(jsonOf(6), '{\n"a":22'),
  'is too long': (disk) => disk.put(jsonOf(6), '{\n"a":22\n}\n}'),
  'cannot be read': (disk) => {
    disk.fail({ method: 'read', path: /(copy-new|06\.json)$/, times: 9, action: { kind: 'errno', code: 'EIO' } });
  },
};
for (const [name, damage] of Object.entries(DAMAGE)) {
  for (const canClone of [true, false]) {
    test(`a generation that ${name} is not published, on a disk that ${canClone ? 'can' : 'cannot'} share blocks`, async () => {
      const disk = await shownDisk(canClone);
      const newest = await commitEntries(disk, [['a', '22', 6]], 6);
      damage(disk);
      const isNamed = (error: Error): boolean => (
        (error instanceof SnapshotCorruptError && jsonOf(6).endsWith(error.file)) || /EIO/.test(error.message)
      );
      await assert.rejects(folderOn(disk).readable.write(newest), isNamed);
      assert.equal(disk.bytesOf(READABLE).toString(), ONE);
      assert.ok(namesIn(disk).every((each) => !each.endsWith('-new')));
      assert.deepEqual(disk.openPaths, []);
    });
  }
}

for (const [method, place] of [['clone', /json$/], ['open', /json$/], ['append', /copy-new$/], ['datasync', /copy-new$/],
  ['setModified', /copy-new$/], ['rename', /copy-new$/], ['openFolder', new RegExp(`${HOME}$`)]] as const) {
  test(`if ${method} fails, the previous copy stays, and no temporary file is left`, async () => {
    const disk = await shownDisk();
    const newest = await commitEntries(disk, [['a', '22', 6]], 6);
    disk.fail({ method, path: place, action: { kind: 'errno', code: 'EIO' } });
    await assert.rejects(folderOn(disk).readable.write(newest), { code: 'EIO' });
    assert.equal(disk.bytesOf(READABLE).toString(), ONE);
    assert.ok(!namesIn(disk).some((name) => name.endsWith('-new')));
    await refresh(disk, 6);
    assert.equal(disk.bytesOf(READABLE).toString(), '{\n"a":22\n}\n');
    assert.deepEqual(disk.openPaths, []);
  });
}

test('writing the copy does not use the space reserved for deletes', async () => {
  const disk = emptyDisk();
  const newest = await commitEntries(disk, [['a', `"${'v'.repeat(2000)}"`, 1]], 5);
  disk.totalBytes = 100_000;
  disk.roomBytes = 6500;
  const isFull = (error: unknown): boolean => error instanceof AppError && error.code === 'disk_full';
  await assert.rejects(folderOn(disk).readable.write(newest), isFull);
  assert.deepEqual([disk.tree.find(READABLE), disk.roomBytes], [undefined, 6500]);
  disk.roomBytes = 8000;
  await folderOn(disk).readable.write(newest);
  assert.equal(disk.bytesOf(READABLE).length, disk.bytesOf(jsonOf(5)).length);
});

test('a signal aborts the writing between two pieces, and no temporary file is left', async () => {
  const disk = await shownDisk();
  const newest = await folderOn(disk).read(5);
  await assert.rejects(folderOn(disk).readable.write(newest, AbortSignal.abort(new Error('enough'))), /enough/);
  assert.ok(!namesIn(disk).some((name) => name.endsWith('-new')));
});

test('the copy can be removed, and removing it again does nothing', async () => {
  const disk = await shownDisk();
  await folderOn(disk).readable.remove();
  await folderOn(disk).readable.remove();
  assert.deepEqual([disk.tree.find(READABLE), disk.bytesOf(jsonOf(5)).toString()], [undefined, ONE]);
});

test.run();
