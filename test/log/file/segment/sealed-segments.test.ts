import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { LinesDroppedError, LogCorruptError } from '../../../../src/log/log-errors.js';
import type { Log, LogLine, SealedSegments } from '../../../../src/log/log.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { compressedLog, foreignGzip, PACKED_1, PACKED_3 } from '../compressed-log.js';
import { SEALED_1, SEALED_3 } from '../damage-table.js';
import { collect, diskWith, drafts, goOn, homeOn, openLog, PROJECT, SMALL_SEGMENTS } from '../log-fixture.js';

const test = suite('FileSealedSegments');

function sealedOf(log: Log): SealedSegments {
  assert.ok(log.sealed);
  return log.sealed;
}

async function fiveLines(): Promise<{ readonly disk: FaultDisk; readonly log: Log; readonly lines: readonly LogLine[] }> {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const { log, replayed } = await openLog(disk, SMALL_SEGMENTS);
  return { disk, log, lines: replayed };
}

test('they are listed oldest first with their sizes, as soon as they are sealed', async () => {
  const { disk, log } = await fiveLines();
  const sealed = sealedOf(log);
  const sizeOf = (name: string): { sizeBytes: number; storedBytes: number } => {
    const { length } = disk.bytesOf(name);
    return { sizeBytes: length, storedBytes: length };
  };
  const expected = [
    { firstSeq: 1, lastSeq: 2, ...sizeOf(SEALED_1), isCompressed: false },
    { firstSeq: 3, lastSeq: 4, ...sizeOf(SEALED_3), isCompressed: false },
  ];
  assert.deepEqual(sealed.list(), expected);
  await log.append(drafts(6, 6), 5);
  await log.append(drafts(7, 7), 6);
  const newest = SEALED_1.replace('1.jsonl', '5.jsonl');
  const all = [...expected, { firstSeq: 5, lastSeq: 6, ...sizeOf(newest), isCompressed: false }];
  assert.deepEqual(sealed.list(), all);
  await log.close();
  const again = await openLog(disk, SMALL_SEGMENTS);
  assert.deepEqual(sealedOf(again.log).list(), all, 'the same after a restart');
  await again.log.close();
});

test('a segment is as old as the first line after it, compressed or not', async () => {
  const { log, lines } = await fiveLines();
  const sealed = sealedOf(log);
  await sealed.compress(1);
  assert.equal(await sealed.sealedAtMs(1), lines[2]?.timeMs);
  assert.equal(await sealed.sealedAtMs(3), lines[4]?.timeMs);
  await assert.rejects(sealed.sealedAtMs(2), { name: 'InvariantError' });
  await log.close();
  const empty = await diskWith([1, 1], SMALL_SEGMENTS);
  const sealing = (await openLog(empty, SMALL_SEGMENTS)).log;
  empty.fail({ method: 'append', path: 'p1.jsonl', nth: 2, action: { kind: 'errno', code: 'ENOSPC' } });
  await assert.rejects(sealing.append(drafts(3, 3), 2), { code: 'disk_full' });
  assert.equal(sealedOf(sealing).list().length, 1);
  assert.equal(await sealedOf(sealing).sealedAtMs(1), undefined, 'nothing has been written after it');
  await sealing.close();
});

test('a compressed segment is one gzip file of the same text, and is read like a plain one, also after a restart', async () => {
  const { disk, log, lines } = await fiveLines();
  const text = disk.bytesOf(SEALED_1);
  const seen: number[] = [];
  for await (const { seq } of log.read({ fromSeq: 1 })) {
    if (seen.length === 0) await sealedOf(log).compress(1);
    seen.push(seq);
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5], 'a reader with the plain file open continues in it');
  assert.ok(gunzipSync(disk.bytesOf(PACKED_1)).equals(text), 'any program reads it');
  assert.equal(disk.tree.find(SEALED_1), undefined);
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines);
  assert.deepEqual((await collect(log.read({ fromSeq: 2, toSeq: 3 }))).map(({ seq }) => seq), [2, 3]);
  const [first, second] = sealedOf(log).list();
  assert.equal(first?.isCompressed, true);
  assert.equal(first.sizeBytes, text.length);
  assert.equal(first.storedBytes, disk.bytesOf(PACKED_1).length);
  assert.equal(second?.isCompressed, false);
  const listed = sealedOf(log).list();
  await assert.rejects(sealedOf(log).compress(1), { name: 'InvariantError' });
  await log.close();
  const again = await openLog(disk, SMALL_SEGMENTS);
  assert.deepEqual(again.replayed, lines);
  assert.deepEqual(sealedOf(again.log).list(), listed);
  await goOn(disk, again.log, SMALL_SEGMENTS);
});

test('a full disk refuses a compression, and a copy that differs is not used; the plain file stays', async () => {
  for (const fault of [
    { method: 'append', path: 'compressing', action: { kind: 'errno', code: 'ENOSPC' } },
    { method: 'append', path: 'compressing', nth: 2, action: { kind: 'short', bytes: 5 } },
    { method: 'overwrite', path: 'compressing', action: { kind: 'short', bytes: 1 } },
  ] as const) {
    const { disk, log, lines } = await fiveLines();
    const before = disk.contents();
    disk.fail(fault);
    await assert.rejects(sealedOf(log).compress(1), { code: 'disk_full' });
    assert.deepEqual(disk.contents(), before);
    assert.equal(log.state(), 'writable');
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines);
    await sealedOf(log).compress(1);
    await log.close();
    assert.deepEqual(disk.openPaths, []);
  }
  const { disk, log } = await fiveLines();
  // The plain file changes between copying and comparing.
  const plain = disk.bytesOf(SEALED_1);
  const opened = disk.open.bind(disk);
  let isChanged = false;
  disk.open = async (path, mode) => {
    if (mode === 'overwrite' && path.endsWith('compressing') && !isChanged) {
      isChanged = true;
      plain.writeUInt8(0x58, 700);
      disk.put(SEALED_1, plain);
    }
    return await opened(path, mode);
  };
  await assert.rejects(sealedOf(log).compress(1), LogCorruptError);
  assert.ok(isChanged);
  assert.ok(disk.tree.find(SEALED_1));
  assert.equal(disk.tree.find(PACKED_1), undefined);
  await log.close();
});

test('the oldest segment can be removed, compressed or not; reads start after it, and a read in progress fails', async () => {
  for (const isCompressed of [true, false]) {
    const { disk, log, lines } = await fiveLines();
    if (isCompressed) await sealedOf(log).compress(1);
    const late = log.read({ fromSeq: 1 });
    await assert.rejects(sealedOf(log).remove(3), { name: 'InvariantError' });
    await sealedOf(log).remove(1);
    assert.deepEqual([...disk.contents().keys()].filter((name) => /0001\.jsonl/.test(name)), []);
    assert.deepEqual(sealedOf(log).list().map(({ firstSeq }) => firstSeq), [3]);
    assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines.slice(2));
    await assert.rejects(collect(late), (error) => error instanceof LinesDroppedError && error.firstKeptSeq === 3);
    await assert.rejects(log.readText({ segment: 1, offset: 500, sizeBytes: 5 }), LogCorruptError);
    await log.append(drafts(6, 6), 5);
    await log.close();
    const known = lines[3];
    assert.ok(known);
    const survivor = disk.crash({ content: 'synced', size: 'synced', names: 'synced' });
    const options = { ...SMALL_SEGMENTS, replay: () => undefined, known, firstKeptSeq: 3 };
    const again = await homeOn(survivor).open(PROJECT, options);
    assert.equal(again?.position().seq, 6);
    await again?.close();
  }
});

test('a failed removal leaves the segment in the list as long as it exists', async () => {
  const { disk, log, lines } = await fiveLines();
  disk.fail({ method: 'unlink', path: SEALED_1, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(sealedOf(log).remove(1), { code: 'EIO' });
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines);
  await sealedOf(log).remove(1);
  assert.deepEqual(sealedOf(log).list().map(({ firstSeq }) => firstSeq), [3]);
  await log.close();
});

test('startup keeps both forms and uses the plain one; a partial copy is removed', async () => {
  const start = await compressedLog();
  start.put(SEALED_1, gunzipSync(start.bytesOf(PACKED_1)));
  const before = [...start.contents().keys()].sort();
  start.put(`${PACKED_1.slice(0, PACKED_1.lastIndexOf('/'))}/compressing`, 'half');
  const { log, replayed } = await openLog(start, SMALL_SEGMENTS);
  assert.equal(replayed.length, 5);
  assert.deepEqual([...start.contents().keys()].sort(), before);
  const [first] = sealedOf(log).list();
  assert.deepEqual([first?.isCompressed, first?.isDoubled], [false, true]);
  await sealedOf(log).keepForm(1, false);
  assert.equal(start.tree.find(PACKED_1), undefined);
  assert.equal(sealedOf(log).list()[0]?.isDoubled, undefined);
  await assert.rejects(sealedOf(log).keepForm(1, false), { name: 'InvariantError' });
  await log.close();
});

test('a plain form of another history is not used if its lines are not read, and cannot replace the other form', async () => {
  const disk = await compressedLog();
  const { log: whole, replayed } = await openLog(disk.crash(), SMALL_SEGMENTS);
  await whole.close();
  disk.put(SEALED_1, (await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS)).bytesOf(SEALED_1));
  const known = replayed[4];
  assert.ok(known);
  const log = await homeOn(disk).open(PROJECT, { ...SMALL_SEGMENTS, replay: () => undefined, known });
  assert.ok(log);
  assert.equal(sealedOf(log).list()[0]?.isCompressed, true);
  await assert.rejects(sealedOf(log).keepForm(1, false), LogCorruptError);
  assert.ok(disk.tree.find(SEALED_1) && disk.tree.find(PACKED_1));
  await sealedOf(log).keepForm(1, true);
  assert.equal(disk.tree.find(SEALED_1), undefined);
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), replayed);
  await log.close();
});

test('a form of a newer version is not taken for a damaged one, although the other form is sound', async () => {
  const disk = await compressedLog();
  disk.put(SEALED_1, '{"format":"simplekv/3"}\n');
  const before = disk.contents();
  await assert.rejects(openLog(disk, SMALL_SEGMENTS), { code: 'project_newer_format' });
  assert.deepEqual(disk.contents(), before);
});

test('a compression whose last step fails leaves both forms and uses the copy', async () => {
  const { disk, log, lines } = await fiveLines();
  disk.fail({ method: 'unlink', path: SEALED_1, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(sealedOf(log).compress(1), { code: 'EIO' });
  assert.ok(disk.tree.find(SEALED_1) && disk.tree.find(PACKED_1));
  assert.deepEqual(await collect(log.read({ fromSeq: 1 })), lines);
  const [first] = sealedOf(log).list();
  assert.deepEqual([first?.isCompressed, first?.isDoubled], [true, true]);
  await sealedOf(log).keepForm(1, true);
  assert.equal(disk.tree.find(SEALED_1), undefined);
  await log.close();
});

test('a compressed file that this program did not write is refused, and so is one under another name', async () => {
  const cases: readonly ((disk: FaultDisk) => void)[] = [
    (disk) => disk.put(PACKED_1, gunzipSync(disk.bytesOf(PACKED_1))),
    (disk) => disk.put(PACKED_1, ''),
    (disk) => disk.put(PACKED_1, Buffer.concat([disk.bytesOf(PACKED_1), Buffer.from('x')])),
    (disk) => {
      const foreign = foreignGzip(disk, SEALED_3);
      disk.tree.remove(SEALED_3);
      disk.put(PACKED_3, foreign);
    },
    (disk) => {
      disk.tree.remove(SEALED_3);
      disk.put(PACKED_3, disk.bytesOf(PACKED_1));
    },
  ];
  for (const [index, damage] of cases.entries()) {
    const disk = await compressedLog();
    damage(disk);
    const before = disk.contents();
    await assert.rejects(openLog(disk, SMALL_SEGMENTS), LogCorruptError, String(index));
    assert.deepEqual(disk.contents(), before);
    assert.deepEqual(disk.openPaths, []);
  }
});

test('a known compressed segment is not inflated, and a missing one after it is still detected', async () => {
  const start = await diskWith([4000, 1, 1, 1], SMALL_SEGMENTS);
  const { log, replayed } = await openLog(start, SMALL_SEGMENTS);
  await sealedOf(log).compress(1);
  await log.close();
  const known = replayed[4001];
  assert.ok(known);
  const open = async (disk: FaultDisk): Promise<number | undefined> => {
    const opened = await homeOn(disk).open(PROJECT, { ...SMALL_SEGMENTS, replay: () => undefined, known });
    await opened?.close();
    return opened?.position().seq;
  };
  const damaged = start.crash();
  const bytes = damaged.bytesOf(PACKED_1);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  damaged.put(PACKED_1, bytes);
  assert.equal(await open(damaged), 4003, 'only a scrub finds damage in the middle');
  await assert.rejects(openLog(damaged, SMALL_SEGMENTS), LogCorruptError);
  const lacking = start.crash();
  lacking.tree.remove(SEALED_1.replace('0001.jsonl', '4001.jsonl'));
  await assert.rejects(open(lacking), /4001\.jsonl" .* begins with seq 4001, found no such file; the next segment begins with seq 4003/);
});

test.run();
