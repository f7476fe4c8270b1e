import assert from 'node:assert/strict';
import { type ListedSegment, LogPaths } from '../../../../src/log/file/log-paths.js';
import { LogErasures } from '../../../../src/log/file/reading/log-erasures.js';
import { LogReader } from '../../../../src/log/file/reading/log-reader.js';
import { suite } from '../../../suite.js';
import { ACTIVE, collect, diskWith, HOME, LOG_ID, PROJECT, SMALL_SEGMENTS } from '../log-fixture.js';

const test = suite('LogReader');
const paths = new LogPaths(HOME, PROJECT);
const onlyActive = (): Promise<readonly ListedSegment[]> => Promise.resolve([{ firstSeq: 1, isCompressed: false, isActive: true }]);

test('lines accepted while the file is being opened are left for the next call', async () => {
  const disk = await diskWith([5]);
  const sizeBytes = disk.bytesOf(ACTIVE).length;
  const erasures = new LogErasures(disk, paths);
  const reader = new LogReader(disk, paths, { logId: LOG_ID, segments: onlyActive, active: () => ({ firstSeq: 1, sizeBytes }), erasures });
  const seqs = async (
    fromSeq: number, toSeq: number,
  ): Promise<number[]> => (await collect(reader.lines(fromSeq, toSeq))).map((line) => line.seq);
  assert.deepEqual(await seqs(1, 2), [1, 2]);
  assert.deepEqual(await seqs(3, 3), [3]);
  assert.deepEqual(await seqs(4, 5), [4, 5]);
  assert.deepEqual(await seqs(6, 5), []);
  await reader.close();
  assert.deepEqual(disk.openPaths, []);
});

test('a segment that is sealed between listing and opening it is found under its new name', async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  const active = (): { firstSeq: number; sizeBytes: number } => ({ firstSeq: 3, sizeBytes: 0 });
  // The first answer is from before the rotation, when the segment was active; later ones are from after it.
  const answers = [await onlyActive()];
  const segments = (): Promise<readonly ListedSegment[]> => (
    Promise.resolve(answers.pop() ?? [{ firstSeq: 1, isCompressed: false }, { firstSeq: 3, isCompressed: false, isActive: true }])
  );
  const reader = new LogReader(disk, paths, { logId: LOG_ID, erasures: new LogErasures(disk, paths), segments, active });
  assert.deepEqual((await collect(reader.lines(1, 2))).map((line) => line.seq), [1, 2]);
  await reader.close();
  const opened = disk.calls.filter((call) => call.method === 'open').map((call) => call.path).slice(-2);
  assert.deepEqual(opened, [ACTIVE, `${HOME}/${PROJECT}/00000000000000000001.jsonl`]);
});

test('a segment that is sealed after it was listed is read to its own end, not to that of its successor', async () => {
  const disk = await diskWith([2]);
  const active = (): { firstSeq: number; sizeBytes: number } => ({ firstSeq: 3, sizeBytes: 200 });
  const reader = new LogReader(disk, paths, { logId: LOG_ID, erasures: new LogErasures(disk, paths), segments: onlyActive, active });
  assert.deepEqual((await collect(reader.lines(1, 2))).map((line) => line.seq), [1, 2]);
  await reader.close();
});

test('a reader of a segment with another log id refuses it', async () => {
  const disk = await diskWith([1]);
  const reader = new LogReader(disk, paths, {
    logId: 'e'.repeat(32), segments: onlyActive, active: () => ({ firstSeq: 1, sizeBytes: 1000 }), erasures: new LogErasures(disk, paths),
  });
  await assert.rejects(collect(reader.lines(1, 1)), /log_id/);
  assert.deepEqual(disk.openPaths, []);
});

test('a line that is due after the last segment is missed there, and not waited for', async () => {
  const disk = await diskWith([1, 1, 1], SMALL_SEGMENTS);
  const active = (): { firstSeq: number; sizeBytes: number } => ({ firstSeq: 3, sizeBytes: 0 });
  const segments = (): Promise<readonly ListedSegment[]> => Promise.resolve([{ firstSeq: 1, isCompressed: false }]);
  const reader = new LogReader(disk, paths, { logId: LOG_ID, erasures: new LogErasures(disk, paths), segments, active });
  const seqs: number[] = [];
  await assert.rejects(async () => {
    for await (const { seq } of reader.lines(1, 3)) seqs.push(seq);
  }, /Cannot trust "p1\/00000000000000000001\.jsonl" at byte 0, seq 3: expected a segment that holds seq 3, found another one or none/);
  assert.deepEqual(seqs, [1, 2]);
  await reader.close();
  assert.deepEqual(disk.openPaths, []);
});

test('closing while nothing is open does nothing', async () => {
  const disk = await diskWith([1]);
  const erasures = new LogErasures(disk, paths);
  const active = (): { firstSeq: number; sizeBytes: number } => ({ firstSeq: 1, sizeBytes: 0 });
  const reader = new LogReader(disk, paths, { logId: LOG_ID, segments: onlyActive, active, erasures });
  await reader.close();
});

test.run();
