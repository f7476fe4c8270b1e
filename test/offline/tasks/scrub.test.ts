/** A scrub reads everything, reports damage, limits its speed and stops on abort; one sealed segment is checked before it goes. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { snapshotsOf } from '../../../src/offline/project-files.js';
import { scrub } from '../../../src/offline/tasks/scrub.js';
import type { SegmentCheck, SegmentJob } from '../../../src/projections/snapshot/file-work.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { compressedLog, PACKED_1 } from '../../log/file/compressed-log.js';
import { SEALED_3 } from '../../log/file/damage-table.js';
import { HOME, LOG_ID as SEGMENT_LOG_ID, PROJECT, sha256 } from '../../log/file/log-fixture.js';
import { suite } from '../../suite.js';
import { flip, SEGMENT_5, snap, soundFolder } from '../sound-folder.js';
import { DATA, LOG_ID } from '../written-project.js';
import { InlineTasks } from './inline-tasks.js';

const test = suite('offline/tasks/scrub');

const JOB = { dataFolder: DATA, project: 'p', logId: LOG_ID, bytesPerSecond: 0 };

test('a sound project has no findings, and every byte of it is read', async () => {
  const { disk } = await soundFolder();
  const { findings, bytes } = await scrub(JOB, disk);
  assert.deepEqual(findings, []);
  const names = /\/p\.jsonl$|\/p\/.*\.(?:jsonl|index|json)$/;
  const total = [...disk.contents()].filter(([name]) => names.test(name)).reduce((sum, [, content]) => sum + content.length, 0);
  assert.equal(bytes, total);
  assert.deepEqual(disk.openPaths, []);
});

test('damage in the log and in a snapshot is reported', async () => {
  const { disk } = await soundFolder();
  flip(disk, SEGMENT_5, 500);
  flip(disk, snap(9, 'index'), 4);
  const { findings } = await scrub(JOB, disk);
  assert.deepEqual(findings.map(({ file }) => file), [SEGMENT_5, snap(9, 'index')]);
});

test('a missing log is a finding', async () => {
  const { disk } = await soundFolder([]);
  await disk.unlink(`${DATA}/p.jsonl`);
  disk.tree.remove(`${DATA}/p`);
  assert.deepEqual((await scrub(JOB, disk)).findings.map(({ found }) => found), ['no such file']);
});

test('a scrub limits its read rate, and a signal ends a pause', async () => {
  const { disk } = await soundFolder();
  const abort = new AbortController();
  const work = scrub({ ...JOB, bytesPerSecond: 1 }, disk, abort.signal);
  setTimeout(() => abort.abort(new Error('enough')), 20);
  await assert.rejects(work, /enough/);
});

test('a snapshot is sound if every byte is as it was committed, and its damage is described otherwise', async () => {
  const { disk } = await soundFolder();
  const { committed: [newest] } = await snapshotsOf(disk, JOB).list();
  assert.ok(newest);
  const tasks = new InlineTasks(disk);
  const job = { dataFolder: DATA, project: 'p', logId: LOG_ID, seq: newest.seq, json: newest.json, index: newest.index, requests: null };
  assert.deepEqual(await tasks.verify(job), { isSound: true });
  const other = await tasks.verify({ ...job, json: newest.index });
  assert.ok(!other.isSound && other.place.file.endsWith('.manifest') && other.found === 'different ones');
  for (const part of ['json', 'index', 'manifest'] as const) {
    const copy = disk.crash();
    flip(copy, snap(newest.seq, part), 4);
    const found = await new InlineTasks(copy).verify(job);
    assert.ok(!found.isSound && snap(newest.seq, part).endsWith(found.place.file), part);
    copy.tree.remove(`${DATA}/${snap(newest.seq, part)}`);
    assert.equal((await new InlineTasks(copy).verify(job)).isSound, false, `no ${part}`);
    assert.deepEqual(copy.openPaths, []);
  }
  await assert.rejects(tasks.verify(job, AbortSignal.abort(new Error('enough'))), /enough/);
});

const PLAIN: SegmentJob = { dataFolder: HOME, project: PROJECT, logId: SEGMENT_LOG_ID, firstSeq: 3, lastSeq: 4, isCompressed: false };
const PACKED: SegmentJob = { ...PLAIN, firstSeq: 1, lastSeq: 2, isCompressed: true };

async function check(disk: FaultDisk, job: SegmentJob): Promise<SegmentCheck> {
  return await new InlineTasks(disk).check(job);
}

test('a sound segment has the digest of its text, plain or compressed', async () => {
  const disk = await compressedLog();
  assert.deepEqual(await check(disk, PLAIN), { isSound: true, sha256: sha256(disk.bytesOf(SEALED_3)) });
  const packed = await check(disk, PACKED);
  assert.deepEqual(packed, { isSound: true, sha256: sha256(gunzipSync(disk.bytesOf(PACKED_1))) });
});

test('a segment is read once: what is digested is what was checked', async () => {
  // Plain: the header, then header and lines as one piece. Compressed: both ends of the file, then all between them as one piece.
  for (const [job, place, readsDue] of [[PLAIN, SEALED_3, 2], [PACKED, PACKED_1, 3]] as const) {
    const disk = await compressedLog();
    const from = disk.calls.length;
    assert.equal((await check(disk, job)).isSound, true);
    const reads = disk.calls.slice(from).filter(({ method, path }) => method === 'read' && path === place).length;
    assert.equal(reads, readsDue, place);
  }
});

for (const [form, job, place] of [['plain', PLAIN, SEALED_3], ['compressed', PACKED, PACKED_1]] as const) {
  test(`a changed byte anywhere in a ${form} segment is found`, async () => {
    const disk = await compressedLog();
    const sound = disk.bytesOf(place);
    for (let offset = 0; offset < sound.length; offset += 1) {
      const bytes = Buffer.from(sound);
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      disk.put(place, bytes);
      const found = await check(disk, job);
      assert.ok(!found.isSound, `byte ${offset}`);
      assert.equal(found.finding.file, place.slice(HOME.length + 1));
    }
    for (const bytes of [sound.subarray(0, -1), Buffer.concat([sound, Buffer.from('x')]), Buffer.alloc(0)]) {
      disk.put(place, bytes);
      assert.equal((await check(disk, job)).isSound, false, `${bytes.length} bytes`);
    }
  });
}

test('a segment of another log, of another position, or missing is a finding; a shortage of descriptors is an error', async () => {
  const disk = await compressedLog();
  for (const other of [{ logId: 'f'.repeat(32) }, { lastSeq: 5 }]) {
    assert.equal((await check(disk, { ...PLAIN, ...other })).isSound, false, JSON.stringify(other));
  }
  disk.put(`${HOME}/${PROJECT}/00000000000000000005.jsonl`, disk.bytesOf(SEALED_3));
  assert.equal((await check(disk, { ...PLAIN, firstSeq: 5, lastSeq: 6 })).isSound, false);
  assert.equal((await check(disk, { ...PLAIN, firstSeq: 7, lastSeq: 8 })).isSound, false);
  disk.fail({ method: 'open', path: SEALED_3, action: { kind: 'errno', code: 'EMFILE' } });
  await assert.rejects(check(disk, PLAIN), { code: 'EMFILE' });
});

test.run();
