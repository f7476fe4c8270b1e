/** Snapshots are built from files, and only from files of one history. */
import assert from 'node:assert/strict';
import type { AnyEvent } from '../../../src/events/event.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import { buildGeneration } from '../../../src/offline/tasks/build-generation.js';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import type { BuildJob } from '../../../src/projections/snapshot/file-work.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { CREATE, DATA, emptyDataDisk, LOG_ID, putLog, set, stateText, writeLog, type WrittenLog } from '../written-project.js';

const test = suite('offline/tasks/build-generation');
const EVENTS: readonly AnyEvent[] = [
  CREATE, set('b', '1'), set('a', '{"n":1.0}'), { op: 'delete', key: 'b' }, set('ä', '"Zoë"'), set('a', '2'), { op: 'clear', count: 2 },
  set('c', 'null'), set('d', '4'), { op: 'delete', key: 'd' }, set('e', '[ 1 ]'),
];
const FILES = { dataFolder: DATA, project: 'p', logId: LOG_ID };

async function written(sealed: readonly number[] = []): Promise<{ readonly disk: FaultDisk; readonly log: WrittenLog }> {
  const disk = emptyDataDisk();
  const log = writeLog({ project: 'p', events: EVENTS, sealed });
  await putLog(disk, log);
  return { disk, log };
}

function job(toSeq: number, previousSeq?: number): BuildJob {
  return { ...FILES, toSeq, previousSeq };
}

function jsonOf(disk: FaultDisk, seq: number): string {
  return disk.bytesOf(`${DATA}/p/snap-${String(seq).padStart(20, '0')}.json`).toString('utf8');
}

/** Builds and commits one generation. */
async function commit(disk: FaultDisk, toSeq: number, previousSeq?: number): Promise<void> {
  const built = await buildGeneration(job(toSeq, previousSeq), disk);
  const manifest = { ...built, project: 'p', logId: LOG_ID, seq: toSeq, requests: null, isBase: false, segments: [], state: {} };
  await snapshotsOf(disk, FILES).commit(manifest);
}

test('a snapshot of any seq is the state after the lines up to it, with hash and time of the last', async () => {
  for (const sealed of [[], [3], [1, 1, 4]]) {
    for (let seq = 1; seq <= EVENTS.length; seq += 1) {
      const { disk, log } = await written(sealed);
      const built = await buildGeneration(job(seq), disk);
      assert.equal(jsonOf(disk, seq), stateText(EVENTS.slice(0, seq)));
      const line = log.lines[seq - 1];
      assert.deepEqual([built.hash, built.timeMs], [line?.hash, line?.timeMs]);
      assert.deepEqual(disk.openPaths, []);
    }
  }
});

test('a snapshot built on another equals the one built from the whole log', async () => {
  for (let previous = 1; previous < EVENTS.length; previous += 1) {
    for (let seq = previous + 1; seq <= EVENTS.length; seq += 1) {
      const { disk } = await written([2, 3]);
      const whole = await buildGeneration(job(seq), disk.crash());
      await commit(disk, previous);
      assert.deepEqual(await buildGeneration(job(seq, previous), disk), whole, `${previous} to ${seq}`);
    }
  }
});

test('if the lines before a snapshot were removed, the log must continue its hash', async () => {
  const { disk } = await written([4]);
  await commit(disk, 4);
  await disk.unlink(`${DATA}/p/00000000000000000001.jsonl`);
  await buildGeneration(job(8, 4), disk);
  const other = await written([4]);
  const { files } = writeLog({ project: 'p', events: [CREATE, ...EVENTS.slice(0, 10)], sealed: [4] });
  await commit(other.disk, 4);
  for (const [name, text] of files) other.disk.put(`${DATA}/${name}`, text);
  await other.disk.unlink(`${DATA}/p/00000000000000000001.jsonl`);
  await assert.rejects(buildGeneration(job(8, 4), other.disk), { name: 'LogCorruptError' });
});

test('a damaged header of a segment that the snapshot covers does not prevent building on it', async () => {
  const { disk } = await written([4]);
  await commit(disk, 6);
  const name = `${DATA}/p/00000000000000000001.jsonl`;
  disk.put(name, disk.bytesOf(name).toString('latin1').replace('simplekv/1', 'simplekv!1'));
  const { json } = await buildGeneration(job(8, 6), disk);
  const sound = await written([4]);
  assert.equal(json.sha256, (await buildGeneration(job(8), sound.disk)).json.sha256);
});

test('a snapshot of another history is refused, even if the log has a line of its seq', async () => {
  const { disk } = await written();
  await commit(disk, 4);
  for (const [name, text] of writeLog({ project: 'p', events: [CREATE, ...EVENTS] }).files) disk.put(`${DATA}/${name}`, text);
  await assert.rejects(buildGeneration(job(8, 4), disk), { name: 'LogCorruptError', message: /as the snapshot says/ });
});

test('a log whose beginning is gone is refused without a snapshot that covers it', async () => {
  const { disk } = await written([4]);
  await disk.unlink(`${DATA}/p/00000000000000000001.jsonl`);
  await assert.rejects(buildGeneration(job(8), disk), { name: 'LogCorruptError', message: /seq 1.*begins with seq 5/ });
});

test('a log of another id, and a log that ends too early, are refused', async () => {
  const { disk } = await written();
  const other = { ...job(3), logId: 'f'.repeat(32) };
  await assert.rejects(buildGeneration(other, disk), { name: 'LogCorruptError', message: /log_id/ });
  await assert.rejects(buildGeneration(job(EVENTS.length + 1), disk), { name: 'LogCorruptError', message: /up to seq 12/ });
});

test('a damaged generation to build on rejects with its own error, and no file of the attempt is left', async () => {
  const { disk } = await written();
  await commit(disk, 4);
  const name = `${DATA}/p/snap-00000000000000000004.json`;
  disk.put(name, disk.bytesOf(name).toString('latin1').replace(':1.0', ':9.0'));
  const before = [...disk.contents().keys()];
  await assert.rejects(buildGeneration(job(6, 4), disk), { name: 'SnapshotCorruptError' });
  assert.deepEqual([...disk.contents().keys()], before);
});

test('a damaged line rejects with its file and seq', async () => {
  const { disk, log } = await written();
  const bytes = disk.bytesOf(`${DATA}/p.jsonl`);
  const offset = log.lines[4]?.offset ?? 0;
  bytes.writeUInt8(bytes.readUInt8(offset + 20) ^ 1, offset + 20);
  disk.put(`${DATA}/p.jsonl`, bytes);
  await assert.rejects(buildGeneration(job(8), disk), (error: unknown) => {
    assert.ok(error instanceof LogCorruptError);
    const { file, offset: at, seq } = error.finding;
    assert.deepEqual([file, at, seq], ['p.jsonl', offset, 5]);
    return true;
  });
  await buildGeneration(job(4), disk);
});

test('a signal aborts the build', async () => {
  const { disk } = await written();
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(buildGeneration(job(8), disk, signal), /enough/);
  assert.deepEqual(disk.openPaths, []);
});

test.run();
