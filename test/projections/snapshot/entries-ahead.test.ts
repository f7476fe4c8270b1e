import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { checkEntries, type EntryChecker } from '../../../src/projections/snapshot/checked-entries.js';
import { KeyValues } from '../../../src/projections/key-values.js';
import { SnapshotFolder } from '../../../src/projections/snapshot/snapshot-folder.js';
import type { SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { INLINE_ENTRY_CHECKER } from './inline-entry-checker.js';
import { commitEntries, emptyDisk, flatten, FOLDER, folderOn, type PlainEntry, READABLE, timeOf, writeData } from './snapshot-fixture.js';

const test = suite('projections/snapshot/entries-ahead');
/** More than two pieces. */
const MANY: readonly PlainEntry[] = Array.from({ length: 12_000 }, (_, index) => {
  const key = `key/${String(index).padStart(6, '0')}${index % 3 === 0 ? '"' : 'é'.repeat(index % 2)}`;
  const value = `{"n":${index},"t":"${'v'.repeat(index % 70)}${'é'.repeat(index % 70)}"}`;
  return [key, value, (index % 9) + 1, index % 5 === 0 ? index : undefined];
});
const JSON_FILE = `${FOLDER}/snap-00000000000000000009.json`;
const INDEX_FILE = `${FOLDER}/snap-00000000000000000009.index`;

/** The entries as they are read with help. */
async function readAhead(
  disk: FaultDisk, manifest: SnapshotManifest, checker: EntryChecker | undefined = INLINE_ENTRY_CHECKER,
): Promise<readonly unknown[] | undefined> {
  const folder = new SnapshotFolder({ disk, folder: FOLDER, readable: READABLE, ...(checker && { checker }) });
  const groups = folder.readEntriesAhead(manifest);
  if (groups === undefined) return undefined;
  const values = new KeyValues();
  values.reserve(manifest.keyCount);
  for await (const { packed, keySum } of groups) values.restorePacked(packed, keySum);
  assert.equal(values.keySum, manifest.keySum);
  for (const key of values.keys({}, values.count + 1)) assert.ok(values.versionOf(key) > 0, key);
  const { entries } = values.slice({}, values.count + 1);
  const valueBytes = entries.reduce((sum, [, { value }]) => sum + Buffer.byteLength(value as string), 0);
  assert.equal(values.valueBytes, valueBytes);
  assert.equal(values.contentBytes, entries.reduce((sum, [key]) => sum + Buffer.byteLength(key), valueBytes));
  return entries.map(([key, { value, seq, expiresAtMs, timeMs }]) => [key, value, seq, expiresAtMs, timeMs]);
}

function withTimes(entries: readonly PlainEntry[]): unknown {
  return entries.map(([key, value, seq, expiresAtMs = null]) => [key, value, seq, expiresAtMs, timeOf(seq)]);
}

test('entries are those that are read alone, in many pieces', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  assert.deepEqual(await readAhead(disk, manifest), withTimes(MANY));
  const entries = await flatten(folderOn(disk).readEntries(manifest));
  const alone = entries.map(({ key, value, seq, expiresAtMs, timeMs }) => [key, value, seq, expiresAtMs, timeMs]);
  assert.deepEqual(alone, withTimes(MANY));
  assert.deepEqual(disk.openPaths, []);
});

test('a snapshot without keys, or with any keys and values, is read as it was written', async () => {
  const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
  const expiry = fc.option(fc.nat(), { nil: undefined });
  const entry = fc.tuple(key, fc.json(), fc.integer({ min: 1, max: 9 }), expiry);
  const entries = fc.uniqueArray(entry, { selector: ([one]) => one, maxLength: 8 });
  await fc.assert(fc.asyncProperty(entries, async (unsorted) => {
    const written = unsorted.toSorted(([a], [b]) => compareUtf8(a, b));
    const disk = emptyDisk();
    assert.deepEqual(await readAhead(disk, await commitEntries(disk, written, 9)), withTimes(written));
  }));
});

test('values that are much larger than others do not make a piece too large, and no piece has one beyond the limit', async () => {
  const MIB = 1_048_576;
  const disk = emptyDisk();
  const large = Array.from({ length: 24 }, (_, index): PlainEntry => [`key/5${String(index).padStart(2, '0')}`, `"${'x'.repeat(MIB)}"`, 1]);
  const small = MANY.slice(0, 3000);
  const entries = [...small, ...large, ['key/6', '1', 2] as PlainEntry];
  const manifest = await commitEntries(disk, entries, 9);
  const sizes: number[] = [];
  const checker: EntryChecker = {
    ...INLINE_ENTRY_CHECKER,
    checkEntries: (piece) => {
      sizes.push(piece.memory.byteLength);
      return INLINE_ENTRY_CHECKER.checkEntries(piece);
    },
  };
  assert.deepEqual(await readAhead(disk, manifest, checker), withTimes(entries));
  assert.ok(sizes.length > 3 && Math.max(...sizes) < 10 * MIB, String(sizes));
  const other = emptyDisk();
  const tooLarge = await commitEntries(other, [['a', `"${'x'.repeat(9 * MIB)}"`, 1]], 9);
  await assert.rejects(readAhead(other, tooLarge), { name: 'NotVouchedError' });
});

test('a generation of format 1 is read with the tag that its versions have in common', async () => {
  const disk = emptyDisk();
  const written = await commitEntries(disk, MANY.map(([key, value, seq]) => [key, value, seq] as const), 9);
  const lines = disk.bytesOf(INDEX_FILE).toString().replace(/,"[0-9a-f]{8}",null\]$/gm, ']');
  disk.put(INDEX_FILE, Buffer.from(lines));
  const sha256 = createHash('sha256').update(lines).digest('hex');
  const manifest = { ...written, format: 1, index: { sizeBytes: Buffer.byteLength(lines), sha256 } } as const;
  const values = new KeyValues();
  const folder = new SnapshotFolder({ disk, folder: FOLDER, readable: READABLE, checker: INLINE_ENTRY_CHECKER });
  for await (const { packed, keySum } of folder.readEntriesAhead(manifest) ?? []) values.restorePacked(packed, keySum);
  const alone = await flatten(folder.readEntries(manifest));
  const expected = alone.map(({ key, value, seq, tag, timeMs, expiresAtMs }) => [key, { value, seq, tag, timeMs, expiresAtMs }]);
  assert.deepEqual(values.slice({}, values.count + 1).entries, expected);
});

test('without a checker, or if a snapshot is small, there is no help; without threads, pieces are checked in this one', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '1', 1]], 9);
  assert.equal(folderOn(disk).readEntriesAhead(manifest), undefined);
  assert.equal(await readAhead(disk, manifest, { ...INLINE_ENTRY_CHECKER, textBytesMin: 1000 }), undefined);
  const withoutThreads = { ...INLINE_ENTRY_CHECKER, piecesMax: 0, checkEntries: () => assert.fail('there is no thread') };
  assert.deepEqual(await readAhead(disk, manifest, withoutThreads), withTimes([['a', '1', 1]]));
});

test('a changed byte anywhere is refused, and so is a file that is cut', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '"x"', 3], ['b', '{"t":"Zoë"}', 7], ['é"', 'null', 9]], 9);
  for (const name of [JSON_FILE, INDEX_FILE]) {
    const bytes = disk.bytesOf(name);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
      disk.put(name, changed);
      await assert.rejects(readAhead(disk, manifest), `${name} byte ${at}`);
    }
    disk.put(name, bytes.subarray(0, -1));
    await assert.rejects(readAhead(disk, manifest), name);
    disk.put(name, bytes);
  }
  assert.deepEqual(disk.openPaths, []);
});

test('files that agree with each other but not with the manifest are refused', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '1', 1], ['b', '2', 2]], 9);
  for (const census of [{ keyCount: 3 }, { keySum: manifest.keySum + 1 }]) {
    await assert.rejects(readAhead(disk, { ...manifest, ...census }), { name: 'NotVouchedError' });
  }
  const other = emptyDisk();
  await writeData(other, [['a', '1', 1], ['b', '3', 2]], 9);
  for (const name of [JSON_FILE, INDEX_FILE]) disk.put(name, other.bytesOf(name));
  await assert.rejects(readAhead(disk, manifest), { name: 'SnapshotCorruptError', message: /SHA-256/ });
});

test('a piece that cannot be checked ends the reading, and no file stays open', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  let calls = 0;
  const failing: EntryChecker = {
    ...INLINE_ENTRY_CHECKER,
    checkEntries: async (piece) => {
      await Promise.resolve();
      calls += 1;
      if (calls > 1) throw new Error('the thread has ended');
      return checkEntries(piece);
    },
  };
  await assert.rejects(readAhead(disk, manifest, failing), /the thread has ended/);
  const folder = new SnapshotFolder({ disk, folder: FOLDER, readable: READABLE, checker: INLINE_ENTRY_CHECKER });
  for await (const group of folder.readEntriesAhead(manifest) ?? []) if (group.keySum > 0) break;
  assert.deepEqual(disk.openPaths, []);
});

test.run();
