/** Leases: what a compaction leaves while files are being copied, and removes later. */
import assert from 'node:assert/strict';
import { FileLeases } from '../../../src/projects/compaction/file-leases.js';
import { suite } from '../../suite.js';
import { type CompactedProject, namesIn, openCompacted, SMALL_SEGMENTS } from '../compacted-project.js';

const test = suite('file-leases');

test('a lease waits for a removal in progress, and then prevents all others', async () => {
  const leases = new FileLeases();
  let finish = (): void => undefined;
  const removed = leases.remove({ segment: 1 }, () => new Promise((resolve) => void (finish = resolve)));
  let isTaken = false;
  const taking = leases.take().then((lease) => {
    isTaken = true;
    return lease;
  });
  // Nothing else is begun from the moment on that the lease was asked for.
  assert.equal(await leases.remove({ segment: 2 }, assert.fail), false);
  assert.equal(isTaken, false);
  finish();
  assert.equal(await removed, true);
  const lease = await taking;
  assert.deepEqual([leases.keeps({ segment: 9 }), leases.keeps({ snapshot: 9 })], [true, true]);
  lease.keepOnly([3, 5], 7);
  assert.deepEqual([7, 8].map((segment) => leases.keeps({ segment })), [true, false]);
  assert.deepEqual([3, 4, 5].map((snapshot) => leases.keeps({ snapshot })), [true, false, true]);
  lease.release();
  lease.release();
  assert.equal(leases.keeps({ segment: 1 }), false);
});

test('a removal that failed does not keep a lease waiting', async () => {
  const leases = new FileLeases();
  await assert.rejects(leases.remove({ snapshot: 1 }, () => Promise.reject(new Error('no'))), /no/);
  (await leases.take()).release();
  assert.equal(await leases.remove({ snapshot: 1 }, () => Promise.resolve()), true);
});

const KEEPS_NOTHING = { ...SMALL_SEGMENTS, retention: { max_age_seconds: null, max_bytes: 0, compress: 'gzip' } } as const;

async function compactTwice(project: CompactedProject, from: number): Promise<void> {
  await project.fill(from, from + 8);
  await project.compact();
  await project.fill(from, from + 8);
  await project.compact();
}

test('a compaction removes and compresses nothing that is leased, goes on with the rest, and does it once the lease ends', async () => {
  const project = await openCompacted({ storage: KEEPS_NOTHING });
  await project.fill(1, 9);
  await project.compact();
  await project.fill(10, 14);
  const before = await namesIn(project.disk);
  assert.ok(before.some((name) => name.endsWith('.jsonl')) && before.some((name) => name.endsWith('.manifest')));
  const lease = await project.compaction.lease();
  const { sealed, snapshots, end } = lease.fix();
  assert.deepEqual([end.seq, snapshots.length], [project.store.seq, 1]);
  await compactTwice(project, 20);
  await compactTwice(project, 20);
  const kept = await namesIn(project.disk);
  for (const name of before) assert.ok(kept.includes(name), name);
  assert.equal(project.log.firstSeq(), 1);
  // Only the newest two, and the leased one.
  assert.equal(kept.filter((name) => name.endsWith('.manifest')).length, 3);
  lease.release();
  await compactTwice(project, 40);
  const after = await namesIn(project.disk);
  for (const { firstSeq } of sealed) assert.ok(!after.some((name) => Number.parseInt(name, 10) === firstSeq), String(firstSeq));
  assert.equal(after.filter((name) => name.endsWith('.manifest')).length, 2);
  await project.close();
});

test.run();
