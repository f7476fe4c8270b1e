/** Which segments retention removes, what it records, and what a start makes of the rest. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { StorageChange } from '../../../src/events/project-settings.js';
import { FileLeases } from '../../../src/projects/compaction/file-leases.js';
import { applyRetention, type RetentionParts } from '../../../src/projects/compaction/retention.js';
import { suite } from '../../suite.js';
import {
  type CompactedProject, DATA, everythingOf, registryLines, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil,
} from '../compacted-project.js';
import { collectingLogger, CONTEXT } from '../lives-fixture.js';

const test = suite('retention');

const COVERED = { newestSeq: 1000, fallbackSeq: 1000, proveFallback: async () => await Promise.resolve(1000) };

const DAY_SECONDS = 86_400;

function keeping(retention: StorageChange['retention'] & object): StorageChange {
  return { ...SMALL_SEGMENTS, retention };
}

/** A project with two snapshots and sealed segments before, between and after them. */
async function withSegments(storage: StorageChange): Promise<CompactedProject> {
  const project = await openCompacted({ storage });
  await project.fill(1, 9);
  await project.compact();
  await project.fill(10, 18);
  return project;
}

const firstSeqs = ({ log }: CompactedProject): number[] => (log.sealed?.list() ?? []).map(({ firstSeq }) => firstSeq);

function partsOf(project: CompactedProject, retention: Partial<RetentionParts['settings']>): RetentionParts {
  const { log, registry, clock, tasks, damage } = project;
  const settings = { max_age_seconds: null, max_bytes: null, compress: 'none', ...retention } as const;
  const { signal } = new AbortController();
  const logger = collectingLogger(project.logged);
  const leases = new FileLeases();
  return { log, registry, clock, tasks, damage, dataFolder: DATA, logger, settings, leases, heldBack: new Set(), context: CONTEXT, signal };
}

test('without settings nothing is removed or compressed', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  const before = firstSeqs(project);
  await project.compact();
  assert.deepEqual(firstSeqs(project), before);
  assert.deepEqual(registryLines(project.disk, 'segment.removed'), []);
  await project.close();
});

test('by size, the oldest segments are removed until the rest fits, but only those that both snapshots cover', async () => {
  const project = await withSegments(keeping({ max_bytes: 0 }));
  const { seq: first } = project.compaction.store.snapshotPoint();
  assert.ok(first > 10);
  const all = project.log.sealed?.list() ?? [];
  assert.ok(all.length >= 5);
  await project.compact();
  const fallback = 10;
  assert.deepEqual(firstSeqs(project), all.filter(({ lastSeq }) => lastSeq > fallback).map(({ firstSeq }) => firstSeq));
  await project.close();
});

test('by size, nothing is removed while everything fits', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  const segments = project.log.sealed?.list() ?? [];
  const newest = segments.slice(-2).reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  await applyRetention(partsOf(project, { max_bytes: newest }), COVERED);
  assert.deepEqual(firstSeqs(project), segments.slice(-2).map(({ firstSeq }) => firstSeq));
  await project.close();
});

test('by age, segments that were sealed longer ago are removed', async () => {
  const project = await openCompacted({ storage: keeping({ max_age_seconds: DAY_SECONDS }) });
  await project.fill(1, 6);
  const old = firstSeqs(project);
  project.clock.advance(DAY_SECONDS * 1000 + 1000);
  await project.fill(7, 12);
  await project.compact();
  await project.fill(13, 13);
  const before = firstSeqs(project);
  await project.compact();
  // The newest of the old ones was sealed when the first line after it was written, which was a day later.
  const gone = before.filter((firstSeq) => !firstSeqs(project).includes(firstSeq));
  assert.ok(gone.length >= 1 && gone.every((firstSeq) => old.includes(firstSeq)), `${gone.join()} of ${old.join()}`);
  await project.close();
});

test('a removal is recorded before it happens, with the digest of the segment, by the server', async () => {
  const project = await withSegments(keeping({ max_bytes: 0 }));
  const names = (await namesIn(project.disk)).filter((name) => /^\d+\.jsonl$/.test(name));
  const texts = new Map(names.map((name) => [Number(name.slice(0, 20)), project.disk.bytesOf(`${DATA}/${PROJECT}/${name}`)]));
  const from = project.disk.calls.length;
  await project.compact();
  const lines = registryLines(project.disk, 'segment.removed');
  assert.ok(lines.length >= 2);
  for (const line of lines) {
    const text = texts.get(Number(line['first_seq'])) ?? assert.fail('it was there');
    const sha256 = createHash('sha256').update(text).digest('hex');
    const { id, log_id: logId, bytes, actor } = line;
    assert.deepEqual([id, logId, bytes, line['sha256'], actor], [PROJECT, project.log.logId, text.length, sha256, 'server']);
  }
  const calls = project.disk.calls.slice(from);
  const removal = calls.findIndex(({ method, path }) => method === 'unlink' && path.endsWith('00000000000000000001.jsonl'));
  const callsOnJournal = calls.slice(0, removal).filter(({ path }) => path.endsWith('_server.jsonl')).map(({ method }) => method);
  assert.ok(removal > 0 && callsOnJournal.includes('append'));
  assert.ok(callsOnJournal.lastIndexOf('datasync') > callsOnJournal.lastIndexOf('append'), 'the record is on disk before the removal');
  await project.close();
});

test('a removal that cannot be recorded does not happen', async () => {
  const project = await withSegments(keeping({ max_bytes: 0 }));
  const before = firstSeqs(project);
  project.disk.fail({ method: 'append', path: '_server.jsonl', times: Infinity, action: { kind: 'errno', code: 'ENOSPC' } });
  await project.compact();
  assert.deepEqual(firstSeqs(project), before);
  await project.close();
});

test('with a damaged registry nothing is removed, and the project is still compacted', async () => {
  const project = await withSegments(keeping({ max_bytes: 0 }));
  const before = firstSeqs(project);
  const damaged = Object.create(project.registry, { isCorrupt: { value: true } }) as RetentionParts['registry'];
  await applyRetention({ ...partsOf(project, { max_bytes: 0 }), registry: damaged }, COVERED);
  assert.deepEqual(firstSeqs(project), before);
  await project.close();
});

test('an unregistered log keeps its segments, because no record would tell the next startup why they are missing', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  await project.registry.record({ op: 'project.left', id: PROJECT, log_id: 'f'.repeat(32), last_seq: 1, last_hash: '' }, CONTEXT);
  const before = firstSeqs(project);
  await applyRetention(partsOf(project, { max_bytes: 0 }), COVERED);
  assert.deepEqual(firstSeqs(project), before);
  await project.close();
});

async function digestsOf({ log, tasks }: CompactedProject): Promise<string[]> {
  const { project, logId } = log;
  return await Promise.all((log.sealed?.list() ?? []).map(async (segment) => {
    const check = await tasks.check({ ...segment, dataFolder: DATA, project, logId });
    return check.isSound ? check.sha256 : assert.fail(JSON.stringify(check.finding));
  }));
}

for (const [what, retention] of [['remove', { max_bytes: 0 }], ['compress', { compress: 'gzip' }]] as const) {
  test(`a damaged segment that retention is to ${what} stays as it is, which is logged once and shown`, async () => {
    const project = await withSegments(SMALL_SEGMENTS);
    const name = `${PROJECT}/00000000000000000001.jsonl`;
    spoil(project.disk, `${DATA}/${name}`);
    const damaged = project.disk.bytesOf(`${DATA}/${name}`);
    const before = firstSeqs(project);
    const parts = partsOf(project, retention);
    for (let time = 0; time < 2; time += 1) await applyRetention(parts, COVERED);
    assert.deepEqual(project.disk.bytesOf(`${DATA}/${name}`), damaged);
    assert.deepEqual(firstSeqs(project), before);
    assert.deepEqual(registryLines(project.disk, 'segment.removed'), []);
    assert.equal(project.damage.projectCount, 1);
    const logged = project.logged.filter(({ level }) => level === 'error');
    assert.deepEqual(logged.map(({ file, msg }) => [file, msg.startsWith('retention found a damaged segment')]), [[name, true]]);
    const packed = project.log.sealed?.list().map(({ isCompressed }) => isCompressed);
    assert.deepEqual(packed, before.map((_, index) => what === 'compress' && index > 0), 'the sound ones are compressed');
    await project.close();
  });
}

test('a segment that reads as damaged once is read again and removed', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  const parts = partsOf(project, { max_bytes: 0 });
  const finding = { file: `${PROJECT}/x`, offset: 0, seq: 1, expected: 'a line', found: 'something else' };
  let checks = 0;
  const tasks: RetentionParts['tasks'] = {
    check: async (job, signal) => {
      checks += 1;
      return checks === 1 ? { isSound: false, finding } : await parts.tasks.check(job, signal);
    },
  };
  const before = firstSeqs(project);
  await applyRetention({ ...parts, tasks }, COVERED);
  assert.deepEqual([firstSeqs(project), checks, project.damage.projectCount], [[], before.length + 1, 0]);
  await project.close();
});

test('a compressed segment that is damaged is not removed either', async () => {
  const project = await withSegments(keeping({ compress: 'gzip' }));
  await project.compact();
  spoil(project.disk, `${DATA}/${PROJECT}/00000000000000000001.jsonl.gz`);
  const before = firstSeqs(project);
  await applyRetention(partsOf(project, { max_bytes: 0 }), COVERED);
  assert.deepEqual([firstSeqs(project), project.damage.projectCount], [before, 1]);
  await project.close();
});

test('a shutdown aborts the check of a segment, and nothing is removed', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  const before = firstSeqs(project);
  const abort = new AbortController();
  abort.abort(new Error('the server stops'));
  const parts = { ...partsOf(project, { max_bytes: 0 }), signal: abort.signal };
  await assert.rejects(applyRetention(parts, COVERED), /the server stops/);
  assert.deepEqual([firstSeqs(project), project.damage.projectCount], [before, 0]);
  await project.close();
});

test('gzip compresses what the newest snapshot covers, and the text is the same', async () => {
  const project = await withSegments(keeping({ compress: 'gzip' }));
  const wanted = await everythingOf(project.store);
  const digests = await digestsOf(project);
  const sizes = project.log.sealed?.list().map(({ sizeBytes }) => sizeBytes);
  await project.compact();
  assert.ok(project.log.sealed?.list().every(({ isCompressed, storedBytes, sizeBytes }) => isCompressed && storedBytes < sizeBytes));
  const again = await project.reopen();
  assert.equal(await everythingOf(again.store), wanted);
  assert.deepEqual(again.log.sealed?.list().map(({ sizeBytes }) => sizeBytes), sizes);
  assert.deepEqual(await digestsOf(again), digests);
  await again.close();
});

for (const cache of [true, false]) {
  test(`a start on what retention left has everything, values ${cache ? 'in memory' : 'on disk'}`, async () => {
    const storage = { ...keeping({ max_bytes: 0, compress: 'gzip' }), cache_in_memory: cache };
    let project = await openCompacted({ storage });
    for (let round = 0; round < 4; round += 1) {
      await project.fill(round * 6 + 1, round * 6 + 6);
      await project.compact();
      const wanted = await everythingOf(project.store);
      project = await project.reopen();
      assert.equal(await everythingOf(project.store), wanted, `round ${round}`);
      assert.deepEqual(project.logged.filter(({ level }) => level === 'error' || level === 'warn'), []);
    }
    assert.ok((firstSeqs(project)[0] ?? 0) > 1);
    await project.close();
  });
}

test('a segment missing without a record refuses the project', async () => {
  const project = await withSegments(SMALL_SEGMENTS);
  await project.compact();
  await project.close();
  await project.disk.unlink(`${DATA}/${PROJECT}/00000000000000000001.jsonl`);
  await assert.rejects(openCompacted({ disk: project.disk }), { code: 'project_corrupt' });
});

test.run();
