import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { StoredLog } from '../../../../src/log/file/reading/stored-log.js';
import { LinesDroppedError, LogCorruptError } from '../../../../src/log/log-errors.js';
import type { Log, LogLine } from '../../../../src/log/log.js';
import type { Disk } from '../../../../src/disk/disk.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { compressedLog, PACKED_1 } from '../compressed-log.js';
import { change, changeLines, flip, sealActive, SEALED_1 } from '../damage-table.js';
import {
  ACTIVE, appendBatches, collect, createLog, diskWith, draft, drafts, emptyDisk, HEAD, HOME, homeOn, LOG_ID, openLog, OPTIONS, PROJECT,
  SMALL_SEGMENTS,
} from '../log-fixture.js';
import { racingView } from '../racing-disk.js';

const test = suite('StoredLog');

async function filesOn(disk: Disk): Promise<StoredLog> {
  const files = await StoredLog.open(disk, HOME, PROJECT);
  assert.ok(files);
  return files;
}

async function linesOn(disk: Disk, fromSeq = 1, toSeq?: number): Promise<LogLine[]> {
  const files = await filesOn(disk);
  return (await collect(files.lines({ fromSeq, ...(toSeq === undefined ? {} : { toSeq }) }))).flat();
}

test('lines are those of the log, with their places, from plain, compressed and active segments', async () => {
  const disk = await compressedLog();
  const { log, replayed } = await openLog(disk.crash(), SMALL_SEGMENTS);
  await log.close();
  const files = await filesOn(disk);
  assert.equal(files.logId, LOG_ID);
  assert.equal(files.project, PROJECT);
  assert.deepEqual([await files.firstSeq(), await files.lastSeq()], [1, 5]);
  assert.deepEqual(await linesOn(disk), replayed);
  assert.deepEqual(await linesOn(disk, 2, 4), replayed.slice(1, 4));
  assert.deepEqual(await linesOn(disk, 6), []);
  await assert.rejects(linesOn(disk, 4, 6), /lines up to seq 6/);
  assert.equal(await StoredLog.open(disk, HOME, 'other'), undefined);
  await assert.rejects(collect(files.lines({ fromSeq: 1, signal: AbortSignal.abort(new Error('enough')) })), /enough/);
  assert.deepEqual(disk.openPaths, []);
});

test('an incomplete last line ends the reading, and only there', async () => {
  const disk = await diskWith([3]);
  const whole = disk.bytesOf(ACTIVE);
  for (const [cut, count] of [[1, 3], [2, 2], [200, 2]] as const) {
    disk.put(ACTIVE, whole.subarray(0, -cut));
    assert.equal((await linesOn(disk)).length, count);
    assert.equal(await (await filesOn(disk)).lastSeq(), 2, 'the last line that has its line feed');
    await assert.rejects(linesOn(disk, 1, 4), LogCorruptError);
  }
  disk.put(ACTIVE, whole);
  change(disk, ACTIVE, (bytes) => flip(bytes, bytes.length - 100));
  await assert.rejects(linesOn(disk), /expected hash/);
  const sealed = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  change(sealed, SEALED_1, (bytes) => bytes.subarray(0, -1));
  await assert.rejects(linesOn(sealed), LogCorruptError);
});

test('the last seq is found however long the last line is, and in a log that has none or ends in a seal', async () => {
  const disk = emptyDisk();
  const log = await createLog(disk);
  const files = await filesOn(disk);
  assert.equal(await files.lastSeq(), 0);
  await log.append([draft(1), draft(2, JSON.stringify('{"seq":9,\n'.repeat(30_000)))], 0);
  assert.equal(await files.lastSeq(), 2);
  await log.close();
  const sealed = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  sealActive(sealed);
  assert.equal(await (await filesOn(sealed)).lastSeq(), 5);
  assert.equal((await linesOn(sealed)).length, 5);
  changeLines(disk, ACTIVE, (lines) => [...lines, 'x']);
  await assert.rejects(files.lastSeq(), LogCorruptError);
});

/** Runs a rotation, a compression or a removal before each call of a read. */
async function raced(
  what: (log: Log) => Promise<void>, read: (view: Disk, lines: readonly LogLine[]) => Promise<void>,
): Promise<number> {
  let isReached = true;
  let at = 1;
  for (; isReached; at += 1) {
    const disk = await diskWith([1, 1, 1, 1, 1, 1], SMALL_SEGMENTS);
    const { log, replayed } = await openLog(disk, SMALL_SEGMENTS);
    isReached = false;
    const view = racingView(disk, async (call) => {
      if (call !== at) return;
      isReached = true;
      await what(log);
    });
    await read(view, replayed);
    await log.close();
    assert.deepEqual(disk.openPaths, [], `call ${at}`);
  }
  return at;
}

test('a rotation or a compression at any moment does not change what is read', async () => {
  const happenings: readonly ((log: Log) => Promise<void>)[] = [
    (log) => appendBatches(log, [1]), (log) => appendBatches(log, [1, 1, 1, 1]),
    async (log) => {
      await log.sealed?.compress(1);
      await log.sealed?.compress(3);
    },
  ];
  for (const what of happenings) {
    const runs = await raced(what, async (view, lines) => {
      assert.deepEqual(await linesOn(view, 1, 6), lines);
    });
    assert.ok(runs > 8, `${runs} runs`);
  }
});

test('a removal at any moment yields the lines or reports that they are gone', async () => {
  let dropped = 0;
  await raced(async (log) => await log.sealed?.remove(1), async (view, lines) => {
    try {
      assert.deepEqual(await linesOn(view, 1, 6), lines);
    } catch (error) {
      assert.ok(error instanceof LinesDroppedError, String(error));
      assert.equal(error.firstKeptSeq, 3);
      dropped += 1;
    }
  });
  assert.ok(dropped > 0);
});

/** Follows until there was nothing new so many times; `meanwhile` runs each time. */
async function followed(disk: Disk, looks: number, meanwhile: () => void | Promise<void> = () => undefined): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const over = new Error('over');
  let look = 0;
  const wait = async (): Promise<void> => {
    look += 1;
    if (look > looks) throw over;
    await meanwhile();
  };
  try {
    for await (const group of (await filesOn(disk)).follow(1, wait)) lines.push(...group);
  } catch (error) {
    if (error !== over) throw error;
  }
  return lines;
}

test('a follower gets every line once, whatever happens to the segments at any moment', async () => {
  const happenings: readonly ((log: Log) => Promise<void>)[] = [
    (log) => appendBatches(log, [1]), (log) => appendBatches(log, [1, 1, 1, 1]), async (log) => await log.sealed?.compress(1),
  ];
  for (const what of happenings) {
    const changed: Log[] = [];
    await raced(async (log) => {
      await what(log);
      changed.push(log);
    }, async (view, lines) => {
      changed.length = 0;
      const found = await followed(view, 3);
      assert.deepEqual(found.slice(0, lines.length), lines);
      const [log] = changed;
      const all = log === undefined ? lines : await collect(log.read({ fromSeq: 1 }));
      assert.deepEqual(found, all.slice(0, found.length));
    });
  }
});

test('a line is final once the head, a later line or a later segment proves it, and no sooner', async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  const files = await filesOn(disk);
  assert.equal(await files.durableSeq(), 3, 'the head of a closed log');
  await disk.unlink(HEAD);
  assert.equal(await files.durableSeq(), 2, 'the last line has its own segment');
  change(disk, ACTIVE, (bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1));
  assert.equal(await files.durableSeq(), 2, 'a segment without a line');
  const single = await diskWith([1, 2]);
  await single.unlink(HEAD);
  assert.deepEqual((await followed(single, 1)).map(({ seq }) => seq), [1], 'lines of one batch have the same proof');
  sealActive(single);
  assert.equal(await (await filesOn(single)).durableSeq(), 0, 'a seal may not be on disk yet');
});

test('a follower does not go on in another log, nor after its lines are gone', async () => {
  const disk = await diskWith([1, 1, 1]);
  const whole = disk.bytesOf(ACTIVE);
  const cut = (): void => change(disk, ACTIVE, (bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1));
  const changes: readonly [() => void | Promise<void>, object][] = [
    [cut, { name: 'LogCorruptError', message: /lines up to seq 3/ }],
    [() => disk.put(ACTIVE, createdBefore), { name: 'LogReplacedError', message: /another log, e{32}, has taken the place/ }],
    [() => disk.unlink(ACTIVE), { name: 'LogReplacedError', message: /its log is gone/ }],
  ];
  const other = emptyDisk();
  await (await homeOn(other).create(PROJECT, { ...OPTIONS, logId: 'e'.repeat(32) })).close();
  const createdBefore = other.bytesOf(ACTIVE);
  for (const [what, error] of changes) {
    disk.put(ACTIVE, whole);
    await assert.rejects(followed(disk, 1, what), error);
    assert.deepEqual(disk.openPaths, []);
  }
});

test('a log whose header is damaged is not opened, and one whose header becomes damaged is not followed', async () => {
  const disk = await diskWith([1, 1, 1]);
  const files = await filesOn(disk);
  change(disk, ACTIVE, (bytes) => flip(bytes, 70));
  for (const ask of [() => files.durableSeq(), () => files.lastSeq(), () => StoredLog.open(disk, HOME, PROJECT)]) {
    await assert.rejects(ask(), (error) => error instanceof LogCorruptError && error.finding.file === 'p1.jsonl');
  }
  assert.deepEqual(disk.openPaths, []);
});

/** How the plain form of a compressed segment may be damaged behind its first line. */
const DAMAGED_FORMS: Readonly<Record<string, (text: Buffer) => Buffer>> = {
  'has another byte': (text) => flip(text, text.indexOf('"k2"') + 1),
  'ends before the line feed of its last line': (text) => text.subarray(0, text.indexOf('{"seal"') - 1),
  'ends before its seal': (text) => text.subarray(0, text.indexOf('{"seal"')),
  'ends within a line': (text) => text.subarray(0, text.indexOf('"k2"')),
};
for (const [what, damage] of Object.entries(DAMAGED_FORMS)) {
  test(`where one form of a segment ${what}, reading goes on in the other one, if that is sound`, async () => {
    const disk = await compressedLog();
    const { log, replayed } = await openLog(disk.crash(), SMALL_SEGMENTS);
    await log.close();
    disk.put(SEALED_1, damage(gunzipSync(disk.bytesOf(PACKED_1))));
    assert.deepEqual(await linesOn(disk), replayed);
    disk.put(PACKED_1, 'no frame');
    await assert.rejects(linesOn(disk), (error) => (
      error instanceof LogCorruptError && error.finding.file === 'p1/00000000000000000001.jsonl' && error.finding.offset > 0
    ));
    assert.deepEqual(disk.openPaths, []);
  });
}

test('a segment of another log is refused', async () => {
  const disk: FaultDisk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  const other = emptyDisk();
  const log = await createLog(other, OPTIONS);
  await log.append(drafts(1, 2), 0);
  await log.close();
  disk.put(SEALED_1, Buffer.from(other.bytesOf(ACTIVE).toString().replaceAll(LOG_ID, 'e'.repeat(32))));
  await assert.rejects(linesOn(disk), LogCorruptError);
});

test.run();
