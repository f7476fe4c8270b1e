/** Erasing values in a generation: the rest stays byte for byte, and a kill anywhere is repaired by a repetition. */
import assert from 'node:assert/strict';
import type { SnapshotEntry } from '../../../src/projections/snapshot/snapshot.js';
import { erasedValue } from '../../../src/projections/snapshot/erase-values.js';
import { LOSSES } from '../../log/file/crash-scenario.js';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { oldDisk, OLD_SEQ } from './generation-scenario.js';
import { folderOn } from './snapshot-fixture.js';

const test = suite('erase-values');

async function entriesOf(disk: FaultDisk): Promise<readonly SnapshotEntry[]> {
  const folder = folderOn(disk);
  const found: SnapshotEntry[] = [];
  for await (const group of folder.readEntries(await folder.read(OLD_SEQ))) found.push(...group);
  return found;
}

/** Erases every second version. */
async function erase(disk: FaultDisk, digest?: string): Promise<string> {
  const folder = folderOn(disk);
  const manifest = await folder.read(OLD_SEQ);
  const isErased = (seq: number): boolean => seq % 2 === 0;
  const planned = digest ?? (await folder.digestErased(manifest, isErased));
  await folder.erase(manifest, isErased, planned);
  return planned;
}

function assertErased(before: readonly SnapshotEntry[], after: readonly SnapshotEntry[]): void {
  for (const [index, { crc, value, ...entry }] of after.entries()) {
    const { crc: oldCrc, value: oldValue, ...old } = before[index] as SnapshotEntry;
    assert.deepEqual(entry, old);
    if (entry.seq % 2 === 0) assert.equal(value, erasedValue(Buffer.byteLength(oldValue)).toString());
    else assert.deepEqual([crc, value], [oldCrc, oldValue]);
  }
}

test('an erased value is null with spaces, or 0 if it is too short, and always JSON', () => {
  assert.deepEqual([1, 3, 4, 7].map((sizeBytes) => erasedValue(sizeBytes).toString()), ['0', '0  ', 'null', 'null   ']);
});

test('values of some versions are erased, and everything else stays', async () => {
  const disk = await oldDisk();
  const before = await entriesOf(disk);
  assert.ok(before.some(({ seq }) => seq % 2 === 0) && before.some(({ seq }) => seq % 2 === 1));
  const digest = await erase(disk);
  assert.equal((await folderOn(disk).read(OLD_SEQ)).digest, digest);
  assertErased(before, await entriesOf(disk));
  assert.equal(await erase(disk), digest);
});

test('nothing is replaced if the result is not the one that was planned', async () => {
  const disk = await oldDisk();
  const names = await disk.list('/data/shop');
  const before = await entriesOf(disk);
  await assert.rejects(erase(disk, 'a'.repeat(64)), { name: 'SnapshotCorruptError' });
  assert.deepEqual([await entriesOf(disk), await disk.list('/data/shop')], [before, names]);
});

test('killed after any call, whatever is lost, it can be repeated', async () => {
  const whole = await oldDisk();
  const before = await entriesOf(whole);
  const first = whole.calls.length;
  const digest = await erase(whole);
  const calls = whole.calls.slice(first).filter(({ method }) => CHANGING_METHODS.includes(method));
  for (const { number, method, path } of calls) {
    for (const [name, loss] of Object.entries(LOSSES)) {
      const disk = await oldDisk();
      await entriesOf(disk);
      disk.fail({ number, action: { kind: 'kill', when: 'after' } });
      await assert.rejects(erase(disk));
      const again = disk.crash(loss);
      assert.equal(await erase(again, digest), digest, `${method} ${path}, ${name}`);
      assertErased(before, await entriesOf(again));
    }
  }
});

test.run();
