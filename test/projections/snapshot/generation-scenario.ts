/** One compaction from build to clean-up on a disk that may fail or stop at any call, and the conditions that hold afterwards. */
import assert from 'node:assert/strict';
import { snapshotName } from '../../../src/projections/snapshot/snapshot-names.js';
import type { SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import type { ChangeLimits } from '../../../src/projections/snapshot/change-table.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import {
  build, commitEntries, emptyDisk, entriesOf, FOLDER, folderOn, manifestOf, namesIn, type PlainEntry, READABLE, setChange,
} from './snapshot-fixture.js';

const OLDEST_SEQ = 5;
/** The generation before the compaction. */
export const OLD_SEQ = 10;
/** The generation that the compaction builds. */
export const NEW_SEQ = 20;

/** So little memory that there are run files and that they are merged. */
const LIMITS: ChangeLimits = { bytesHeld: 60, runs: 2 };

/** The entries of each generation. */
export const HELD: Readonly<Record<number, readonly PlainEntry[]>> = {
  [OLDEST_SEQ]: [['a', '1', 1]],
  [OLD_SEQ]: [['a', '1', 1], ['b', '"old"', 7], ['c', '3', 10]],
  [NEW_SEQ]: [['a', '1', 1], ['b', '"new"', 14], ['d', '[4]', 12], ['e', '5', 15], ['f', '"six"', 20]],
};

/** A disk with two generations, and the readable snapshot of the newer one. */
export async function oldDisk(): Promise<FaultDisk> {
  const disk = emptyDisk();
  await commitEntries(disk, HELD[OLDEST_SEQ] ?? [], OLDEST_SEQ);
  await folderOn(disk).readable.write(await commitEntries(disk, HELD[OLD_SEQ] ?? [], OLD_SEQ));
  return disk.crash();
}

/** Builds the new generation on the old one and commits it. */
export async function makeGeneration(disk: FaultDisk, previous: SnapshotManifest | undefined): Promise<void> {
  const changes = [
    setChange('d', '0', 11), setChange('d', '[4]', 12), { kind: 'delete', key: 'c', seq: 13 } as const, setChange('b', '"new"', 14),
    setChange('e', '5', 15), setChange('g', '7', 16), { kind: 'delete', key: 'g', seq: 17 } as const, setChange('f', '"six"', 20),
  ];
  const data = await build(disk, { seq: NEW_SEQ, previous, limits: LIMITS }, changes);
  await folderOn(disk).commit(manifestOf(data, NEW_SEQ));
}

/** The newest committed generation. */
export async function newestOf(disk: FaultDisk): Promise<SnapshotManifest | undefined> {
  return (await folderOn(disk).list()).committed[0];
}

/** Refreshes the readable snapshot, like startup. */
export async function refreshNewest(disk: FaultDisk): Promise<void> {
  const newest = await newestOf(disk);
  if (newest !== undefined) await folderOn(disk).readable.refresh(newest);
}

/** The whole compaction: drops leftovers, builds a generation, removes the oldest, writes the readable snapshot. */
export async function compact(disk: FaultDisk, told: { created: boolean }): Promise<void> {
  await folderOn(disk).dropUnfinished();
  await makeGeneration(disk, await newestOf(disk));
  told.created = true;
  await folderOn(disk).remove(OLDEST_SEQ);
  await folderOn(disk).readable.write(await folderOn(disk).read(NEW_SEQ));
}

/** Checks that the newest generation is the old or the new one, and that every committed generation is sound. */
export async function judge(disk: FaultDisk, isNewDue: boolean): Promise<void> {
  const folder = folderOn(disk);
  const { committed, unreadable } = await folder.list();
  assert.deepEqual(unreadable, []);
  const seqs = committed.map(({ seq }) => seq);
  assert.ok(seqs[0] === NEW_SEQ || (!isNewDue && seqs[0] === OLD_SEQ), `generations ${seqs.join()}`);
  assert.ok(seqs.includes(OLD_SEQ), 'the generation before is still there');
  for (const manifest of committed) {
    await folder.verify(manifest);
    assert.deepEqual(await entriesOf(disk, manifest), HELD[manifest.seq]);
  }
  const maps = [OLD_SEQ, NEW_SEQ].map((seq) => (
    Object.fromEntries((HELD[seq] ?? []).map(([key, value]) => [key, JSON.parse(value) as unknown]))
  ));
  const readable: unknown = JSON.parse(disk.bytesOf(READABLE).toString());
  assert.ok(maps.some((map) => JSON.stringify(map) === JSON.stringify(readable)), 'the readable snapshot is the old map or the new one');
}

/** Checks that startup cleans up, and that the compaction can be repeated. */
export async function judgeNextStart(disk: FaultDisk, isNewDue: boolean): Promise<void> {
  await judge(disk, isNewDue);
  await folderOn(disk).dropUnfinished();
  await refreshNewest(disk);
  await judge(disk, isNewDue);
  const { committed } = await folderOn(disk).list();
  const parts = committed.flatMap(({ seq }) => (['json', 'index', 'manifest'] as const).map((part) => snapshotName(seq, part)));
  assert.deepEqual(namesIn(disk), parts.sort());
  const [newest] = committed;
  const newestJson = `${FOLDER}/${snapshotName(newest?.seq ?? 0, 'json')}`;
  assert.deepEqual(disk.bytesOf(READABLE), disk.bytesOf(newestJson), 'the readable snapshot is the newest map');
  assert.notEqual(disk.tree.file(READABLE).inode, disk.tree.file(newestJson).inode, 'it is a file of its own');
  if (newest?.seq === OLD_SEQ) await makeGeneration(disk, newest);
  await judge(disk, true);
}
