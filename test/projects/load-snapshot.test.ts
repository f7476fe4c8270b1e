/** Which snapshot a start goes on from: the newest that holds, of the right log, and what becomes of the others. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/logger.js';
import type { StorageChange } from '../../src/events/project-settings.js';
import { loadSnapshot, type LoadedSnapshot } from '../../src/projects/load-snapshot.js';
import { encodeManifest } from '../../src/projections/snapshot/manifest-format.js';
import { SnapshotFolder } from '../../src/projections/snapshot/snapshot-folder.js';
import { INLINE_ENTRY_CHECKER } from '../projections/snapshot/inline-entry-checker.js';
import { suite } from '../suite.js';
import {
  type CompactedProject, DATA, everythingOf, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil,
} from './compacted-project.js';
import { CONTEXT } from './lives-fixture.js';

const test = suite('load-snapshot');

const COLD: StorageChange = { ...SMALL_SEGMENTS, cache_in_memory: false };

const snapPath = (seq: number, part: string): string => `${DATA}/${PROJECT}/snap-${String(seq).padStart(20, '0')}.${part}`;

/** A project with two snapshots, 3 and 6 keys in, and lines after them. */
async function withSnapshots(storage: StorageChange): Promise<{ readonly project: CompactedProject; readonly seqs: readonly number[] }> {
  const project = await openCompacted({ storage });
  const seqs: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    await project.fill(round * 3 + 1, round * 3 + 3);
    await project.store.submit({ type: 'set', key: 'round', value: String(round) }, CONTEXT);
    seqs.push((await project.compact()).seq);
  }
  await project.fill(20, 20);
  return { project, seqs };
}

/** How many lines of the log a start has replayed: those after the snapshot that it used. */
async function load(project: CompactedProject, logId = project.log.logId): ReturnType<typeof loadSnapshot> {
  const isCaching = project.store.settings.storage.cache_in_memory;
  const options = { logId, isCaching, logger: silentLogger };
  const place = { folder: `${DATA}/${PROJECT}`, readable: `${DATA}/${PROJECT}.json` };
  const helped = await loadSnapshot(new SnapshotFolder({ disk: project.disk, ...place, checker: INLINE_ENTRY_CHECKER }), options);
  const alone = await loadSnapshot(project.snapshots, options);
  assert.deepEqual(foundIn(helped), foundIn(alone), 'help changes nothing');
  return alone;
}

function foundIn({ model, used, generations, damaged }: LoadedSnapshot): unknown {
  const { valueBytes, contentBytes } = model.values;
  return { used, generations, damaged, keys: model.values.slice({}, 1000), valueBytes, contentBytes, point: model.snapshotPoint() };
}

for (const [what, storage] of [['in memory', SMALL_SEGMENTS], ['on disk', COLD]] as const) {
  test(`the newest snapshot is loaded, values ${what}`, async () => {
    const { project, seqs } = await withSnapshots(storage);
    const { model, used, generations, damaged } = await load(project);
    assert.deepEqual([used?.seq, generations.map(({ seq }) => seq), damaged], [seqs[1], seqs.toReversed(), []]);
    assert.deepEqual([model.lastSeq, model.values.count, model.values.get('round')?.seq], [seqs[1], 7, seqs[1]]);
    assert.equal(model.values.placedCount, storage === COLD ? 7 : 0);
    await project.close();
  });

  for (const part of ['manifest', 'index'] as const) {
    test(`where the ${part} of the newest is damaged, the one before is loaded, loudly, and all is there, values ${what}`, async () => {
      const { project, seqs } = await withSnapshots(storage);
      const wanted = await everythingOf(project.store);
      await project.close();
      spoil(project.disk, snapPath(seqs[1] ?? 0, part));
      const { used } = await load(project);
      assert.equal(used?.seq, seqs[0]);
      const again = await openCompacted({ disk: project.disk });
      assert.equal(await everythingOf(again.store), wanted);
      assert.ok(again.logged.some(({ level }) => level === 'error'));
      // What is damaged must not be in the way of the next one, of the same seq or another.
      await again.compact();
      await again.fill(30, 30);
      await again.compact();
      assert.equal(await everythingOf((await again.reopen()).store), await everythingOf(again.store));
    });
  }
}

test('a manifest with more keys than the index has room for is refused, without memory for them', async () => {
  const { project, seqs } = await withSnapshots(SMALL_SEGMENTS);
  const { used } = await load(project);
  assert.ok(used !== undefined);
  project.disk.put(snapPath(used.seq, 'manifest'), encodeManifest({ ...used, keyCount: 2 ** 50 }).text);
  const { damaged, used: next } = await load(project);
  assert.deepEqual([damaged, next?.seq], [[used.seq], seqs[0]]);
  await project.close();
});

test('where the manifest of the newest is damaged and nothing came after it, another of the same seq is made', async () => {
  const project = await openCompacted();
  await project.fill(1, 3);
  const { seq } = await project.compact();
  const wanted = await everythingOf(project.store);
  await project.close();
  spoil(project.disk, snapPath(seq, 'manifest'));
  const again = await openCompacted({ disk: project.disk });
  assert.equal((await again.compact()).seq, seq);
  const next = await again.reopen();
  assert.equal(next.generations[0]?.seq, seq);
  assert.equal(await everythingOf(next.store), wanted);
  await next.close();
});

test('where the values of the newest are damaged, the one before is loaded', async () => {
  const { project, seqs } = await withSnapshots(SMALL_SEGMENTS);
  const wanted = await everythingOf(project.store);
  spoil(project.disk, snapPath(seqs[1] ?? 0, 'json'));
  assert.equal((await load(project)).used?.seq, seqs[0]);
  const again = await project.reopen();
  assert.equal(await everythingOf(again.store), wanted);
  await again.close();
});

test('where the values of the newest are not there, or cut off, the one before is loaded, also for values on disk', async () => {
  for (const isCut of [true, false]) {
    const { project, seqs } = await withSnapshots(COLD);
    const wanted = await everythingOf(project.store);
    const json = snapPath(seqs[1] ?? 0, 'json');
    if (isCut) project.disk.put(json, project.disk.bytesOf(json).subarray(0, -9));
    else await project.disk.unlink(json);
    const again = await project.reopen();
    assert.equal(await everythingOf(again.store), wanted);
    await again.close();
  }
});

for (const part of ['manifest', 'index', 'json'] as const) {
  test(`where the ${part} of the newest cannot be read the first time, it is read again, and nothing is removed`, async () => {
    const { project, seqs } = await withSnapshots(SMALL_SEGMENTS);
    const before = await namesIn(project.disk);
    project.disk.fail({ method: 'read', path: snapPath(seqs[1] ?? 0, part), action: { kind: 'errno', code: 'EIO' } });
    const again = await project.reopen();
    assert.equal(project.disk.struck.length, 1);
    assert.equal(again.generations[0]?.seq, seqs[1]);
    assert.equal(again.compaction.isOverdue, false);
    assert.deepEqual(await namesIn(again.disk), before);
    assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), []);
    await again.close();
  });
}

test('where both are damaged, the whole log is read, and nothing is missing', async () => {
  const { project, seqs } = await withSnapshots(SMALL_SEGMENTS);
  const wanted = await everythingOf(project.store);
  for (const seq of seqs) spoil(project.disk, snapPath(seq, 'index'));
  const { used, model, generations } = await load(project);
  assert.deepEqual([used, model.lastSeq, model.values.count, generations], [undefined, 0, 0, []]);
  const again = await project.reopen();
  assert.equal(await everythingOf(again.store), wanted);
  assert.ok((await namesIn(again.disk)).every((name) => !name.endsWith('.manifest')), 'what proved damaged is gone');
  await again.close();
});

test('where the newest is damaged and segments are compressed, values are read all the same, and a snapshot is overdue', async () => {
  const project = await openCompacted({ storage: { ...COLD, retention: { compress: 'gzip' } } });
  for (const from of [1, 7]) {
    await project.fill(from, from + 5);
    await project.compact();
  }
  const newestSeq = project.store.seq;
  const wanted = await everythingOf(project.store);
  await project.close();
  assert.ok((await namesIn(project.disk)).some((name) => name.endsWith('.gz')));
  spoil(project.disk, snapPath(newestSeq, 'index'));
  const again = await openCompacted({ disk: project.disk });
  assert.equal(await everythingOf(again.store), wanted);
  assert.deepEqual([again.store.reads.damagedReads, again.compaction.isOverdue, again.compaction.isDue], [0, true, true]);
  await again.compact();
  assert.deepEqual([again.compaction.isOverdue, await everythingOf(again.store)], [false, wanted]);
  const next = await again.reopen();
  assert.deepEqual([next.compaction.isOverdue, await everythingOf(next.store)], [false, wanted]);
  await next.close();
});

test('snapshots of another log are passed over', async () => {
  const { project } = await withSnapshots(SMALL_SEGMENTS);
  const { used, model, generations } = await load(project, 'f'.repeat(32));
  assert.deepEqual([used, model.lastSeq, generations], [undefined, 0, []]);
  await project.close();
});

test('a signal ends the loading with its reason', async () => {
  const { project } = await withSnapshots(SMALL_SEGMENTS);
  const signal = AbortSignal.abort(new Error('enough'));
  const options = { logId: project.log.logId, isCaching: true, logger: silentLogger, signal };
  await assert.rejects(loadSnapshot(project.snapshots, options), /enough/);
  await project.close();
});

test('a log that is refused leaves damaged snapshots as they are', async () => {
  const { project, seqs } = await withSnapshots(SMALL_SEGMENTS);
  await project.close();
  spoil(project.disk, snapPath(seqs[1] ?? 0, 'index'));
  spoil(project.disk, `${DATA}/${PROJECT}.jsonl`);
  const before = project.disk.contents();
  await assert.rejects(openCompacted({ disk: project.disk }), { code: 'project_corrupt' });
  const isChanged = ([name, bytes]: [string, Buffer]): boolean => !name.includes('_server') && before.get(name)?.equals(bytes) !== true;
  const changed = [...project.disk.contents()].filter(isChanged);
  assert.deepEqual(changed.map(([name]) => name), []);
});

test('a sealed segment of another length than the snapshot remembers refuses the project', async () => {
  const { project } = await withSnapshots(SMALL_SEGMENTS);
  await project.close();
  const segment = `${DATA}/${PROJECT}/00000000000000000001.jsonl`;
  const bytes = project.disk.bytesOf(segment);
  const lineEnd = bytes.indexOf('\n', bytes.length >> 1);
  project.disk.put(segment, Buffer.concat([bytes.subarray(0, lineEnd - 200), bytes.subarray(lineEnd - 199)]));
  await assert.rejects(openCompacted({ disk: project.disk }), { code: 'project_corrupt' });
});

test.run();
