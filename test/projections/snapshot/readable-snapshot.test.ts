/** The file beside the log: what it holds, when it is written anew, and that nothing done to it reaches a generation. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
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
  await commitEntries(disk, [['a', '1', 1]], 5);
  await folderOn(disk).readable.write(5);
  return disk;
}

function writesSince(disk: FaultDisk, start: number): readonly string[] {
  return disk.calls.slice(start).map(({ method }) => method).filter((method) => ['rename', 'append', 'clone', 'link'].includes(method));
}

for (const canClone of [true, false]) {
  test(`it holds the values and is a file of its own, where files ${canClone ? 'can' : 'cannot'} share blocks`, async () => {
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

test('one that is up to date is not written again, not even by another process', async () => {
  const disk = await shownDisk();
  const start = disk.calls.length;
  await folderOn(disk).readable.refresh(5);
  assert.deepEqual(writesSince(disk, start), []);
  const next = disk.crash();
  await folderOn(next).readable.refresh(5);
  assert.deepEqual(writesSince(next, 0), []);
});

/** What a person or a program may do to the file, and what an older version left there. */
const DONE_TO_IT: Readonly<Record<string, (disk: FaultDisk) => void>> = {
  'removed': (disk) => disk.tree.remove(READABLE),
  'cut to nothing': (disk) => disk.put(READABLE, ''),
  'replaced by something else': (disk) => disk.put(READABLE, '{"a":1,"mine":true}'),
  'a second name of the generation, as older versions made it': (disk) => {
    disk.tree.remove(READABLE);
    disk.tree.link(jsonOf(5), READABLE);
  },
};
for (const [name, change] of Object.entries(DONE_TO_IT)) {
  test(`one that was ${name} is written anew, and the generation stays as it is`, async () => {
    const disk = await shownDisk();
    change(disk);
    await folderOn(disk).readable.refresh(5);
    assert.equal(disk.bytesOf(READABLE).toString(), ONE);
    assert.equal(disk.bytesOf(jsonOf(5)).toString(), ONE);
    assert.notEqual(disk.tree.file(READABLE).inode, disk.tree.file(jsonOf(5)).inode);
  });
}

test('one of the snapshot before is written anew also where both have the same size', async () => {
  const disk = await shownDisk();
  await commitEntries(disk, [['a', '2', 6]], 6);
  await folderOn(disk).readable.refresh(6);
  assert.equal(disk.bytesOf(READABLE).toString(), '{\n"a":2\n}\n');
});

for (const [method, place] of [['clone', /json$/], ['open', /json$/], ['append', /copy-new$/], ['datasync', /copy-new$/],
  ['rename', /copy-new$/], ['openFolder', new RegExp(`${HOME}$`)]] as const) {
  test(`where ${method} fails, the one before stays, and nothing is left`, async () => {
    const disk = await shownDisk();
    await commitEntries(disk, [['a', '22', 6]], 6);
    disk.fail({ method, path: place, action: { kind: 'errno', code: 'EIO' } });
    await assert.rejects(folderOn(disk).readable.write(6), { code: 'EIO' });
    assert.equal(disk.bytesOf(READABLE).toString(), ONE);
    assert.ok(!namesIn(disk).some((name) => name.endsWith('-new')));
    await folderOn(disk).readable.refresh(6);
    assert.equal(disk.bytesOf(READABLE).toString(), '{\n"a":22\n}\n');
    assert.deepEqual(disk.openPaths, []);
  });
}

test('it leaves the room alone that is kept for deletes', async () => {
  const disk = emptyDisk();
  await commitEntries(disk, [['a', `"${'v'.repeat(2000)}"`, 1]], 5);
  disk.totalBytes = 100_000;
  disk.roomBytes = 6500;
  const isFull = (error: unknown): boolean => error instanceof AppError && error.code === 'disk_full';
  await assert.rejects(folderOn(disk).readable.write(5), isFull);
  assert.deepEqual([disk.tree.find(READABLE), disk.roomBytes], [undefined, 6500]);
  disk.roomBytes = 8000;
  await folderOn(disk).readable.write(5);
  assert.equal(disk.bytesOf(READABLE).length, disk.bytesOf(jsonOf(5)).length);
});

test('a signal ends the writing between two pieces, and nothing is left', async () => {
  const disk = await shownDisk();
  await assert.rejects(folderOn(disk).readable.write(5, AbortSignal.abort(new Error('enough'))), /enough/);
  assert.ok(!namesIn(disk).some((name) => name.endsWith('-new')));
});

test('it can be removed, and removing it again does nothing', async () => {
  const disk = await shownDisk();
  await folderOn(disk).readable.remove();
  await folderOn(disk).readable.remove();
  assert.deepEqual([disk.tree.find(READABLE), disk.bytesOf(jsonOf(5)).toString()], [undefined, ONE]);
});

test.run();
