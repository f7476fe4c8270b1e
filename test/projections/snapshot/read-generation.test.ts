import assert from 'node:assert/strict';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import { suite } from '../../suite.js';
import { commitEntries, emptyDisk, entriesOf, flatten, FOLDER, folderOn, type PlainEntry, timeOf, writeData } from './snapshot-fixture.js';

const test = suite('projections/snapshot/read-generation');
const JSON_NAME = 'snap-00000000000000000009.json';
const INDEX_NAME = 'snap-00000000000000000009.index';
const MANY: readonly PlainEntry[] = Array.from(
  { length: 5000 },
  (_, index) => [`key/${String(index).padStart(6, '0')}`, `{"n":${index},"t":"${'é'.repeat(index % 700)}"}`, (index % 9) + 1],
);

/** The error of reading to the end. */
async function faultOf(reading: AsyncIterable<unknown>): Promise<SnapshotCorruptError> {
  try {
    for await (const group of reading) assert.ok(group);
  } catch (error) {
    assert.ok(error instanceof SnapshotCorruptError, String(error));
    return error;
  }
  throw new Error('Nothing was refused');
}

test('reading returns what was written: keys, versions, times, places, values', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  const entries = await flatten(folderOn(disk).readEntries(manifest));
  const read = entries.map(({ key, value, seq, timeMs }) => [key, value, seq, timeMs]);
  assert.deepEqual(read, MANY.map((entry) => [...entry, timeOf(entry[2])]));
  const index = await flatten(folderOn(disk).readIndex(manifest));
  assert.deepEqual(entries.map(({ value: _, ...entry }) => entry), index);
  const json = disk.bytesOf(`${FOLDER}/${JSON_NAME}`);
  for (const { value, offset, sizeBytes } of entries) assert.equal(json.toString('utf8', offset, offset + sizeBytes), value);
  assert.deepEqual(disk.openPaths, []);
});

test('groups are small even if values are large', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  for await (const group of folderOn(disk).readIndex(manifest)) assert.ok(group.length > 0 && group.length < 3000);
  for await (const group of folderOn(disk).readEntries(manifest)) {
    assert.ok(group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) < 1_100_000);
  }
});

test('leaving a read early closes its files', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  for await (const group of folderOn(disk).readEntries(manifest)) if (group.length > 0) break;
  for await (const group of folderOn(disk).readIndex(manifest)) if (group.length > 0) break;
  assert.deepEqual(disk.openPaths, []);
});

test('a snapshot without keys has no entries', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [], 9);
  assert.deepEqual(await entriesOf(disk, manifest), []);
  assert.deepEqual(await flatten(folderOn(disk).readIndex(manifest)), []);
});

test('a file that is missing, shorter or longer is refused before anything is read of it', async () => {
  for (const name of [JSON_NAME, INDEX_NAME]) {
    const disk = emptyDisk();
    const manifest = await commitEntries(disk, [['a', '1', 1], ['b', '2', 2]], 9);
    const bytes = disk.bytesOf(`${FOLDER}/${name}`);
    for (const other of [bytes.subarray(0, 5), Buffer.concat([bytes, Buffer.from('\n')])]) {
      disk.put(`${FOLDER}/${name}`, other);
      const fault = await faultOf(folderOn(disk).readEntries(manifest));
      assert.deepEqual([fault.file, fault.offset], [name, Math.min(other.length, bytes.length)]);
    }
    disk.tree.remove(`${FOLDER}/${name}`);
    assert.equal((await faultOf(folderOn(disk).readEntries(manifest))).file, name);
  }
});

test('a changed value is refused with its file and offset', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  const [entry] = (await flatten(folderOn(disk).readIndex(manifest))).slice(4321);
  const bytes = disk.bytesOf(`${FOLDER}/${JSON_NAME}`);
  bytes.write('7', (entry?.offset ?? 0) + 5);
  disk.put(`${FOLDER}/${JSON_NAME}`, bytes);
  const fault = await faultOf(folderOn(disk).readEntries(manifest));
  assert.deepEqual([fault.file, fault.offset], [JSON_NAME, entry?.offset]);
  assert.match(fault.message, /CRC-32/);
});

test('files that agree with each other but not with the manifest are refused by their digests', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '1', 1], ['b', '2', 2]], 9);
  const other = emptyDisk();
  await writeData(other, [['a', '1', 1], ['b', '3', 2]], 9);
  for (const name of [JSON_NAME, INDEX_NAME]) disk.put(`${FOLDER}/${name}`, other.bytesOf(`${FOLDER}/${name}`));
  const fault = await faultOf(folderOn(disk).readEntries(manifest));
  assert.deepEqual([fault.file, fault.offset], [INDEX_NAME, 0]);
  assert.match(fault.message, /SHA-256/);
  assert.match((await faultOf(folderOn(disk).readIndex(manifest))).message, /SHA-256/);
});

test('invalid lines are refused with their offset although the digest is right', async () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['["b",2', '["A",2', /a key above the previous one/], ['["b",2', '["b",8', /the sum/], ['["b",2', '["b",10', /a version up to 9/],
    [',14,1,', ',15,1,', /offset 14/], [',14,1,"', ',14,16777217,"', /at most 16777216/], [',14,1,"', ',14,2,"', /a JSON of/],
    [',14,1,"', ',14, 1,"', /a line of an index/],
  ];
  for (const [from, to, expected] of cases) {
    const disk = emptyDisk();
    const manifest = await commitEntries(disk, [['a', '12', 1], ['b', '2', 2]], 9);
    const text = disk.bytesOf(`${FOLDER}/${INDEX_NAME}`).toString();
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, from);
    disk.put(`${FOLDER}/${INDEX_NAME}`, changed);
    const { createHash } = await import('node:crypto');
    const index = { sizeBytes: changed.length, sha256: createHash('sha256').update(changed).digest('hex') };
    const fault = await faultOf(folderOn(disk).readIndex({ ...manifest, index }));
    assert.match(fault.message, expected, `${from} ${to}`);
    const isWhole = /sum|JSON of/.test(fault.message);
    assert.equal(fault.offset, isWhole ? changed.length : text.indexOf('["b"'), `${from} ${to}`);
  }
});

test('an index with fewer lines than its manifest counts is refused', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '1', 1]], 9);
  assert.match((await faultOf(folderOn(disk).readIndex({ ...manifest, keyCount: 2 }))).message, /2 keys, found 1/);
});

test('an unreadable piece is damage, and a lack of descriptors is not', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, [['a', '1', 1]], 9);
  disk.fail({ method: 'read', path: '.index', action: { kind: 'errno', code: 'EIO' } });
  assert.match((await faultOf(folderOn(disk).readEntries(manifest))).message, /EIO/);
  disk.fail({ method: 'open', path: '.json', action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(flatten(folderOn(disk).readEntries(manifest)), { code: 'EMFILE' });
  assert.deepEqual(disk.openPaths, []);
});

test('verifying reports every piece, waits for its caller, and stops on abort', async () => {
  const disk = emptyDisk();
  const manifest = await commitEntries(disk, MANY, 9);
  const total = manifest.json.sizeBytes + manifest.index.sizeBytes;
  let read = 0;
  await folderOn(disk).verify(manifest, {
    onRead: async (sizeBytes) => {
      await Promise.resolve();
      read += sizeBytes;
    },
  });
  assert.equal(read, total);
  const reason = new Error('enough');
  const abort = new AbortController();
  const verifying = folderOn(disk).verify(manifest, { signal: abort.signal, onRead: () => abort.abort(reason) });
  await assert.rejects(verifying, (error: unknown) => error === reason);
  assert.deepEqual(disk.openPaths, []);
});

test.run();
