import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { inspectLog, type InspectionOptions, type LogInspection } from '../../../../src/log/file/recovery/inspect-log.js';
import { IN_THIS_THREAD } from '../../../../src/log/file/segment/checked-lines.js';
import type { Log, LogLine } from '../../../../src/log/log.js';
import type { Disk } from '../../../../src/disk/disk.js';
import type { FaultDisk } from '../../../disk/fault-disk.js';
import { suite } from '../../../suite.js';
import { compressedLog, PACKED_1 } from '../compressed-log.js';
import { change, changeLines, flip, sealActive, SEALED_1, SEALED_3 } from '../damage-table.js';
import {
  ACTIVE, appendBatches, createLog, diskWith, drafts, emptyDisk, HEAD, HOME, homeOn, LOG_ID, openLog, PROJECT, SMALL_SEGMENTS,
} from '../log-fixture.js';
import { racingView } from '../racing-disk.js';

const test = suite('inspectLog');

async function inspect(disk: Disk, options: InspectionOptions = {}): Promise<LogInspection> {
  const found = await inspectLog(disk, HOME, PROJECT, options);
  assert.ok(found);
  return found;
}

/** Inspects a disk without a writer, and checks that this changes nothing and leaves nothing open. */
async function inspectStill(disk: FaultDisk, options: InspectionOptions = {}): Promise<LogInspection> {
  const before = disk.contents();
  const found = await inspect(disk, options);
  assert.deepEqual(disk.contents(), before);
  assert.deepEqual(disk.openPaths, []);
  return found;
}

test('a sound log has no findings, and every line is passed on once, with progress', async () => {
  const disk = await compressedLog();
  const { log, replayed } = await openLog(disk.crash(), SMALL_SEGMENTS);
  await log.close();
  const taken: LogLine[] = [];
  const progress: (readonly [number, number])[] = [];
  let paces = 0;
  const found = await inspectStill(disk, {
    expectedLogId: LOG_ID,
    firstKeptSeq: 1,
    take: (lines) => void taken.push(...lines),
    onProgress: (done, total) => void progress.push([done, total]),
    pace: async () => {
      paces += 1;
      await Promise.resolve();
    },
  });
  const storedBytes = [...disk.contents()].filter(([name]) => /\.jsonl/.test(name)).reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const end = { seq: 5, hash: replayed[4]?.hash };
  const firstFile = 'p1/00000000000000000001.jsonl.gz';
  const ends = { firstFile, endOffset: disk.bytesOf(ACTIVE).length };
  const sound = { base: undefined, unfinishedBytes: 0, isHeadAbsent: false, findings: [], damagedForms: [] };
  assert.deepEqual(found, { ...sound, ...ends, logId: LOG_ID, firstSeq: 1, end, lineCount: 5, segmentCount: 3, storedBytes, headSeq: 5 });
  assert.deepEqual(taken, replayed);
  assert.equal(paces, 3);
  assert.deepEqual(progress.at(-1), [storedBytes, storedBytes]);
  assert.deepEqual(progress.map(([done]) => done).sort((a, b) => a - b), progress.map(([done]) => done), 'it never goes back');
  assert.equal(await inspectLog(disk, HOME, 'other'), undefined);
});

test('the traces of an unfinished write, a torn tail or an unfinished rotation are not faults', async () => {
  const start = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const cases: readonly (readonly [(disk: FaultDisk) => void, Partial<LogInspection>])[] = [
    [(disk) => change(disk, ACTIVE, (bytes) => Buffer.concat([bytes, Buffer.from('{"seq":6,"ti')])), { lineCount: 5, unfinishedBytes: 12 }],
    [(disk) => change(disk, ACTIVE, (bytes) => bytes.subarray(0, -1)), { lineCount: 5, unfinishedBytes: 0 }],
    [(disk) => sealActive(disk), { lineCount: 5 }],
    [(disk) => {
      sealActive(disk);
      disk.tree.link(ACTIVE, SEALED_1.replace('1.jsonl', '5.jsonl'));
    }, { lineCount: 5 }],
    [(disk) => {
      sealActive(disk);
      disk.put(SEALED_1.replace('1.jsonl', '5.jsonl'), disk.bytesOf(ACTIVE));
    }, { lineCount: 5 }],
    [(disk) => disk.tree.remove(HEAD), { headSeq: undefined }],
    [(disk) => change(disk, HEAD, (bytes) => flip(bytes, 20)), { lineCount: 5 }],
  ];
  for (const [index, [happen, expected]] of cases.entries()) {
    const disk = start.crash();
    happen(disk);
    const found = await inspectStill(disk);
    assert.deepEqual(found.findings, [], String(index));
    assert.deepEqual({ ...found, ...expected }, found, String(index));
  }
});

test('all findings are reported with file and place, and sound segments after one are still read', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1, 1, 1], SMALL_SEGMENTS);
  change(disk, SEALED_1, (bytes) => flip(bytes, bytes.indexOf('"k2"') + 1));
  changeLines(disk, ACTIVE, (lines) => [...lines, 'x']);
  const taken: number[] = [];
  const found = await inspectStill(disk, { take: (lines) => void taken.push(...lines.map(({ seq }) => seq)) });
  assert.deepEqual(found.findings.map(({ file, seq }) => [file, seq]), [['p1/00000000000000000001.jsonl', 2], ['p1.jsonl', 8]]);
  assert.equal(found.findings[0]?.offset, disk.bytesOf(SEALED_1).indexOf('{"seq":2,'));
  assert.match(found.findings[0]?.expected ?? '', /^hash /);
  assert.deepEqual(taken, [1, 3, 4, 5, 6, 7]);
});

const FAULTS: Readonly<Record<string, readonly [(disk: FaultDisk) => void, file: string, expected: RegExp, lines: number]>> = {
  'a missing segment': [(disk) => disk.tree.remove(SEALED_3), 'p1/00000000000000000003.jsonl', /begins with seq 3/, 3],
  'a missing active segment': [(disk) => disk.tree.remove(ACTIVE), 'p1.jsonl', /a segment of the log/, 4],
  'a damaged header': [(disk) => change(disk, SEALED_3, (bytes) => flip(bytes, 70)), 'p1/00000000000000000003.jsonl', /./, 3],
  'a damaged header of the active segment': [(disk) => change(disk, ACTIVE, (bytes) => flip(bytes, 70)), 'p1.jsonl', /./, 4],
  'a newer version': [
    (disk) => changeLines(disk, SEALED_3, (lines) => ['{"format":"simplekv/3"}', ...lines]), 'p1/00000000000000000003.jsonl', /read/, 3,
  ],
  'lines that the head proves and are gone': [(disk) => changeLines(disk, ACTIVE, (l) => l.slice(0, 1)), 'p1.jsonl', /up to seq 5/, 4],
  'a torn end that the head proves': [(disk) => change(disk, ACTIVE, (b) => b.subarray(0, -9)), 'p1.jsonl', /./, 4],
  'a seal with something after it': [
    (disk) => change(disk, SEALED_1, (bytes) => Buffer.concat([bytes, Buffer.from('x\n')])),
    'p1/00000000000000000001.jsonl', /after the seal/, 5,
  ],
  'a file that cannot be read': [
    (disk) => disk.fail({ method: 'read', path: SEALED_3, times: Infinity, action: { kind: 'errno', code: 'EIO' } }),
    'p1/00000000000000000003.jsonl', /a file that can be read/, 3,
  ],
};
for (const [name, [damage, file, expected, lineCount]] of Object.entries(FAULTS)) {
  test(`${name} is found`, async () => {
    const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
    damage(disk);
    const found = await inspectStill(disk);
    assert.deepEqual(found.findings.map((fault) => fault.file), [file]);
    assert.match(found.findings[0]?.expected ?? '', expected);
    assert.equal(found.lineCount, lineCount);
  });
}

test('the head of another log, another log than expected, and lines missing without a record of their removal are findings', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  assert.match((await inspectStill(disk, { expectedLogId: 'e'.repeat(32) })).findings[0]?.expected ?? '', /log_id e{32}/);
  const other = emptyDisk();
  await (await homeOn(other).create(PROJECT, { ...SMALL_SEGMENTS, logId: 'e'.repeat(32) })).close();
  const foreign = disk.crash();
  foreign.put(HEAD, other.bytesOf(HEAD));
  assert.deepEqual((await inspectStill(foreign)).findings.map(({ file }) => file), ['p1/head']);
  const again = emptyDisk();
  const log = await createLog(again, SMALL_SEGMENTS);
  await appendBatches(log, [1, 1, 1, 1, 1]);
  await log.close();
  foreign.put(HEAD, again.bytesOf(HEAD));
  assert.match((await inspectStill(foreign)).findings[0]?.expected ?? '', /^hash/);
  disk.tree.remove(SEALED_1);
  assert.deepEqual((await inspectStill(disk)).findings, [], 'a caller that knows of the removal passes it');
  assert.equal((await inspectStill(disk)).firstSeq, 3);
  assert.deepEqual((await inspectStill(disk, { firstKeptSeq: 3 })).findings, []);
  assert.match((await inspectStill(disk, { firstKeptSeq: 1 })).findings[0]?.expected ?? '', /a segment that holds seq 1/);
});

test('two faults of one segment are both reported: that it does not continue the log, and the damage in it', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const other = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  disk.put(SEALED_3, flip(other.bytesOf(SEALED_3), other.bytesOf(SEALED_3).indexOf('"k4"') + 1));
  const { findings } = await inspectStill(disk);
  assert.deepEqual(findings.map(({ file, seq }) => [file, seq]), [
    ['p1/00000000000000000003.jsonl', 3], ['p1/00000000000000000003.jsonl', 4],
  ]);
  assert.match(findings[0]?.expected ?? '', /^prev /);
  assert.match(findings[1]?.expected ?? '', /^hash /);
});

test('damage in one form of a segment is no damage to the log, damage in both is', async () => {
  const disk = await compressedLog();
  const text = gunzipSync(disk.bytesOf(PACKED_1));
  disk.put(SEALED_1, flip(text, text.indexOf('"k2"') + 1));
  const found = await inspectStill(disk);
  assert.deepEqual([found.findings, found.lineCount], [[], 5]);
  assert.deepEqual(found.damagedForms.map(({ file, seq }) => [file, seq]), [['p1/00000000000000000001.jsonl', 2]]);
  change(disk, PACKED_1, (bytes) => flip(bytes, 40));
  const both = await inspectStill(disk);
  assert.deepEqual(both.findings.map(({ file, seq }) => [file, seq]), [['p1/00000000000000000001.jsonl', 2]]);
  assert.deepEqual(both.damagedForms, []);
});

test('an active segment that begins like a sealed one and goes on with another text is a finding', async () => {
  const disk = await diskWith([1, 1, 1, 1, 1], SMALL_SEGMENTS);
  const other = disk.crash();
  for (const [one, batches] of [[disk, [1]], [other, [1, 1]]] as const) {
    const { log } = await openLog(one, SMALL_SEGMENTS);
    await appendBatches(log, batches);
    await log.close();
  }
  const sealed = SEALED_1.replace('1.jsonl', '5.jsonl');
  disk.put(sealed, other.bytesOf(sealed));
  disk.tree.remove(HEAD);
  const { findings } = await inspectStill(disk);
  const expected = 'the text of p1/00000000000000000005.jsonl, which begins with the same seq';
  assert.deepEqual(findings, [{ file: 'p1.jsonl', offset: 0, seq: 5, expected, found: 'another text' }]);
});

test('a log without lines that is removed at any moment is absent, empty, or found to be gone', async () => {
  const outcomes = new Map<string, number>();
  let isReached = true;
  for (let at = 1; isReached; at += 1) {
    const disk = await diskWith([]);
    isReached = false;
    const found = await inspectLog(racingView(disk, async (call) => {
      if (call !== at) return;
      isReached = true;
      await disk.unlink(ACTIVE);
      await disk.unlink(HEAD);
    }), HOME, PROJECT);
    if (found !== undefined) assert.deepEqual([found.firstSeq, found.firstFile, found.lineCount], [1, 'p1.jsonl', 0]);
    const outcome = found === undefined ? 'absent' : found.findings[0]?.found ?? 'empty';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    assert.deepEqual(disk.openPaths, []);
  }
  assert.deepEqual([...outcomes.keys()].sort(), ['absent', 'empty', 'no such file']);
});

test('every changed byte of a compressed segment is detected', async () => {
  const disk = await compressedLog();
  const bytes = disk.bytesOf(PACKED_1);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at & 7)), at);
    disk.put(PACKED_1, changed);
    const { findings, lineCount } = await inspect(disk);
    assert.ok(findings.length > 0, `byte ${at}`);
    assert.equal(findings[0]?.file, 'p1/00000000000000000001.jsonl.gz', `byte ${at}`);
    const ahead = await inspect(disk, { checker: IN_THIS_THREAD });
    assert.deepEqual({ findings: ahead.findings, lineCount: ahead.lineCount }, { findings, lineCount }, `byte ${at}, checked ahead`);
  }
});

test('it stops with the reason of its signal, and other failures are passed on', async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  const stop = new AbortController();
  await assert.rejects(inspect(disk, { signal: stop.signal, take: () => stop.abort(new Error('enough')) }), /enough/);
  await assert.rejects(inspect(disk, { take: () => assert.fail('the taker') }), /the taker/);
  disk.fail({ method: 'list', action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(inspect(disk), { code: 'EMFILE' });
  assert.deepEqual(disk.openPaths, []);
});

test('no action of a running server is a fault at any moment', async () => {
  const happenings: Readonly<Record<string, (log: Log) => Promise<void>>> = {
    'a line': (log) => appendBatches(log, [1]),
    'three rotations': (log) => appendBatches(log, [1, 1, 1, 1, 1, 1]),
    'compressing': async (log) => {
      await log.sealed?.compress(1);
      await log.sealed?.compress(3);
    },
    'removing': async (log) => {
      await log.sealed?.remove(1);
      await log.sealed?.remove(3);
    },
    'a write that is taken back': async (log) => {
      await log.append([{ ...drafts(1, 1)[0], op: 'BAD' } as never], 0).catch(() => undefined);
    },
  };
  for (const [name, happen] of Object.entries(happenings)) {
    let isReached = true;
    for (let at = 1; isReached; at += 1) {
      const disk = await diskWith([1, 1, 1, 1, 1, 1], SMALL_SEGMENTS);
      const { log } = await openLog(disk, SMALL_SEGMENTS);
      isReached = false;
      const found = await inspect(racingView(disk, async (call) => {
        if (call !== at) return;
        isReached = true;
        await happen(log);
      }));
      assert.deepEqual(found.findings, [], `${name} at call ${at}`);
      assert.ok((found.end?.seq ?? 0) >= 6, `${name} at call ${at}`);
      await log.close();
      assert.deepEqual(disk.openPaths, []);
    }
  }
});

test.run();
