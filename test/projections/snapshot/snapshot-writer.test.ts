import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { AppError } from '../../../src/base/app-error.js';
import { hexWord } from '../../../src/base/hex-word.js';
import { InvariantError } from '../../../src/base/invariant.js';
import { addTerm, keyTerm } from '../../../src/projections/key-sum.js';
import { suite } from '../../suite.js';
import { commitEntries, emptyDisk, entriesOf, FOLDER, folderOn, namesIn, tagOf, timeOf, writeData } from './snapshot-fixture.js';

const test = suite('projections/snapshot/snapshot-writer');
const JSON_PATH = `${FOLDER}/snap-00000000000000000009.json`;
const INDEX_PATH = `${FOLDER}/snap-00000000000000000009.index`;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('the JSON has one key per line, token for token, and the index has the place of each value', async () => {
  const disk = emptyDisk();
  const data = await writeData(disk, [['a', '1.0', 3], ['b"', '{"z":1,"a":"Zoë"}', 9], ['ü', '1e400', 5]], 9);
  const json = disk.bytesOf(JSON_PATH);
  assert.equal(json.toString(), '{\n"a":1.0,\n"b\\"":{"z":1,"a":"Zoë"},\n"ü":1e400\n}\n');
  const lines = disk.bytesOf(INDEX_PATH).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as [string, ...number[]]);
  for (const [key, seq, timeMs, offset = 0, sizeBytes = 0, crc, tag, ...rest] of lines) {
    const value = json.subarray(offset, offset + sizeBytes);
    assert.deepEqual(JSON.parse(value.toString()), (JSON.parse(json.toString()) as Record<string, unknown>)[key]);
    assert.equal(crc32(value).toString(16).padStart(8, '0'), crc);
    assert.deepEqual([timeMs, tag, rest], [timeOf(seq ?? 0), hexWord(tagOf(seq ?? 0)), [null]]);
  }
  assert.deepEqual(lines.map(([key, seq]) => [key, seq]), [['a', 3], ['b"', 9], ['ü', 5]]);
  assert.deepEqual(data, {
    format: 2,
    keyCount: 3,
    keySum: [keyTerm('a', 3, null), keyTerm('b"', 9, null), keyTerm('ü', 5, null)].reduce(addTerm),
    json: { sizeBytes: json.length, sha256: sha256(json) },
    index: { sizeBytes: disk.bytesOf(INDEX_PATH).length, sha256: sha256(disk.bytesOf(INDEX_PATH)) },
  });
  assert.deepEqual(disk.openPaths, []);
});

test('no keys make an empty object and an empty index', async () => {
  const disk = emptyDisk();
  const data = await writeData(disk, [], 9);
  assert.equal(disk.bytesOf(JSON_PATH).toString(), '{}\n');
  assert.equal(disk.bytesOf(INDEX_PATH).length, 0);
  assert.deepEqual([data.keyCount, data.keySum], [0, 0]);
});

test('both files are synced before finish() resolves', async () => {
  const disk = emptyDisk();
  await writeData(disk, [['a', '1', 1]], 9);
  const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'cached' });
  assert.deepEqual(survivor.bytesOf(JSON_PATH), disk.bytesOf(JSON_PATH));
  assert.deepEqual(survivor.bytesOf(INDEX_PATH), disk.bytesOf(INDEX_PATH));
});

test('values larger than one write, and many small ones, are written completely', async () => {
  const disk = emptyDisk();
  const large = `"${'ü'.repeat(900_000)}"`;
  const small = Array.from(
    { length: 30_000 }, (_, index) => [`k${String(index).padStart(5, '0')}`, `"${'x'.repeat(index % 90)}"`, 1] as const,
  );
  const entries = [...small.slice(0, 15_000), ['k14999-', large, 2] as const, ...small.slice(15_000)];
  const manifest = await commitEntries(disk, entries, 9);
  assert.deepEqual(await entriesOf(disk, manifest), entries);
});

test('a value can be bytes instead of text', async () => {
  const disk = emptyDisk();
  const writer = await folderOn(disk).begin(9);
  await writer.add({ key: 'a', seq: 1, tag: 1, timeMs: 1, expiresAtMs: null, value: Buffer.from('"é"') });
  await writer.finish();
  assert.equal(disk.bytesOf(JSON_PATH).toString(), '{\n"a":"é"\n}\n');
});

test('keys out of order, a version from the future, a value of two lines or of none are defects, and leave no file', async () => {
  const wrong: readonly (readonly [string, string, number])[] = [
    ['b', '1', 1], ['a', '1', 1], ['c', '1', 10], ['c', '1', 0], ['c', '1\n', 1], ['c', '', 1], ['\uffff', '1', 1],
  ];
  for (const [key, value, seq] of wrong) {
    const disk = emptyDisk();
    const writer = await folderOn(disk).begin(9);
    // U+10000 is above U+FFFF in UTF-8 and below it in UTF-16.
    await writer.add({ key: key === '\uffff' ? '\u{10000}' : 'b', value: '1', seq: 1, tag: 1, timeMs: 1, expiresAtMs: null });
    await assert.rejects(writer.add({ key, value, seq, tag: 1, timeMs: 1, expiresAtMs: null }), InvariantError, JSON.stringify(key));
    assert.deepEqual(namesIn(disk), []);
    assert.deepEqual(disk.openPaths, []);
    await assert.rejects(writer.finish(), InvariantError);
  }
});

test('files of an interrupted attempt are overwritten, a committed generation never', async () => {
  const disk = emptyDisk();
  await writeData(disk, [['a', '1', 1]], 9);
  const manifest = await commitEntries(disk, [['b', '2', 2]], 9);
  assert.deepEqual(await entriesOf(disk, manifest), [['b', '2', 2]]);
  await assert.rejects(folderOn(disk).begin(9), InvariantError);
  assert.deepEqual(await entriesOf(disk, manifest), [['b', '2', 2]]);
});

test('a full disk rejects with disk_full, and no file of the attempt is left', async () => {
  for (let roomBytes = 0; roomBytes < 40; roomBytes += 1) {
    const disk = emptyDisk();
    disk.roomBytes = roomBytes;
    await assert.rejects(writeData(disk, [['a', '1', 1]], 9), (error: unknown) => error instanceof AppError && error.code === 'disk_full');
    assert.deepEqual(namesIn(disk), []);
  }
});

test('abandoning an attempt leaves no file, and abandoning a finished one does nothing', async () => {
  const disk = emptyDisk();
  const writer = await folderOn(disk).begin(9);
  await writer.add({ key: 'a', value: '1', seq: 1, tag: 1, timeMs: 1, expiresAtMs: null });
  await writer.abandon();
  await writer.abandon();
  assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
  const finished = await folderOn(disk).begin(9);
  await finished.finish();
  await finished.abandon();
  assert.equal(namesIn(disk).length, 2);
});

test.run();
