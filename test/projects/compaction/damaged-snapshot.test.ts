/** A snapshot that proves damaged while its project is served: what it held is read from before it, and it is made anew. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../../../src/base/app-error.js';
import { Compactor } from '../../../src/projects/compaction/compactor.js';
import { CHANGING_METHODS, type FaultDisk } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import {
  type CompactedProject, DATA, everythingOf, longValue, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil,
} from '../compacted-project.js';
import { CONTEXT } from '../lives-fixture.js';
import { readKey } from '../../store/read-key.js';

const test = suite('damaged-snapshot');

/** The short form kills at one call in so many. */
const EVERY = 4;

const COLD = { ...SMALL_SEGMENTS, cache_in_memory: false };
const COLD_GZIP = { ...COLD, retention: { compress: 'gzip' } } as const;
const LOOK_MS = 5;
/** Longer than a snapshot that has proved damaged is left alone, in milliseconds. */
const PATIENCE_MS = 11_000;

const snapPath = (seq: number, part: string): string => `${DATA}/${PROJECT}/snap-${String(seq).padStart(20, '0')}.${part}`;

/** Cold, with two generations, the newest one of the present. Since the older one, keys were changed, deleted and left alone. */
async function twoGenerations(storage: typeof COLD | typeof COLD_GZIP = COLD): Promise<CompactedProject> {
  const project = await openCompacted({ storage });
  await project.fill(1, 8);
  await project.compact();
  await project.fill(7, 12);
  await project.store.submit({ type: 'delete', key: 'k2' }, CONTEXT);
  await project.compact();
  return project;
}

/** Keys whose values cannot be read. */
async function unreadable({ store }: CompactedProject): Promise<readonly string[]> {
  const found: string[] = [];
  for (const key of store.values.keys({}, store.values.count)) {
    try {
      assert.equal((await readKey(store, key))?.value, longValue(Number(key.slice(1))));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      found.push(key);
    }
  }
  return found;
}

async function isSound({ snapshots }: CompactedProject, seq: number): Promise<boolean> {
  try {
    for await (const group of snapshots.readEntries(await snapshots.read(seq))) assert.ok(group.length > 0);
    return true;
  } catch {
    return false;
  }
}

for (const [what, storage] of [['plain', COLD], ['compressed', COLD_GZIP]] as const) {
  test(`a damaged value in the newest snapshot of an idle project is read from the ${what} log, and a new one is made`, async () => {
    const project = await twoGenerations(storage);
    const wanted = await everythingOf(project.store);
    const { seq } = project.store;
    spoil(project.disk, snapPath(seq, 'json'));
    assert.equal(project.compaction.hasDamagedSnapshot, false, 'nothing has been read yet');
    const bad = await unreadable(project);
    assert.equal(bad.length, 1);
    assert.equal(project.compaction.hasDamagedSnapshot, true);
    assert.equal((await project.compact()).seq, seq);
    assert.equal(await everythingOf(project.store), wanted);
    assert.equal(await isSound(project, seq), true);
    assert.equal(project.compaction.hasDamagedSnapshot, false);
    assert.deepEqual(project.logged.filter(({ level }) => level === 'warn'), [], 'nothing is said of the one that is sound');
    const again = await project.reopen();
    assert.equal(await everythingOf(again.store), wanted);
    assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), []);
    await again.close();
  });
}

test('if both generations are damaged, everything is read from the log', async () => {
  const project = await twoGenerations();
  const wanted = await everythingOf(project.store);
  for (const { seq } of (await project.snapshots.list()).committed) spoil(project.disk, snapPath(seq, 'json'));
  assert.equal((await unreadable(project)).length, 1);
  // That the older one is damaged as well shows when the new one is built on it.
  await project.compact();
  assert.equal(await everythingOf(project.store), wanted);
  assert.equal(await isSound(project, project.store.seq), true);
  await project.close();
});

test('a snapshot that the scrub reports is replaced, also with all values in memory, and no longer counts as damage', async () => {
  const project = await openCompacted();
  await project.fill(1, 8);
  const { seq } = await project.compact();
  spoil(project.disk, snapPath(seq, 'index'));
  const { findings } = await project.tasks.scrub({ dataFolder: DATA, project: PROJECT, logId: project.log.logId });
  assert.ok(findings.length > 0);
  project.damage.replace(PROJECT, findings);
  assert.deepEqual([project.compaction.hasDamagedSnapshot, project.damage.projectCount], [true, 1]);
  await project.compact();
  assert.deepEqual([project.compaction.hasDamagedSnapshot, project.damage.projectCount], [false, 0]);
  assert.equal(await isSound(project, seq), true);
  await project.close();
});

/** Cold, with two snapshots of what retention has removed from the log. */
async function irreplaceable(): Promise<CompactedProject> {
  const project = await openCompacted({ storage: { ...COLD, retention: { max_bytes: 0 } } });
  await project.fill(1, 8);
  await project.compact();
  await project.fill(9, 16);
  await project.compact();
  await project.fill(17, 24);
  await project.compact();
  return project;
}

test('a damaged snapshot with content that exists nowhere else stays, is reported once, and is read again only on request', async () => {
  const project = await irreplaceable();
  const { seq } = project.store;
  const seqs = (await project.snapshots.list()).committed.map((each) => each.seq);
  const sound = seqs.map((each) => [snapPath(each, 'json'), project.disk.bytesOf(snapPath(each, 'json'))] as const);
  for (const [path] of sound) spoil(project.disk, path);
  const before = await namesIn(project.disk);
  const bad = await unreadable(project);
  const compactor = new Compactor({ ...project.compactorOptions, checkIntervalMs: LOOK_MS });
  compactor.resume(project.compaction);
  compactor.start();
  project.clock.advance(PATIENCE_MS);
  for (let round = 0; round < 200 && compactor.failingCount === 0; round += 1) await sleep(LOOK_MS);
  await project.disk.settle();
  const calls = project.disk.calls.length;
  for (let round = 0; round < 20; round += 1) {
    project.clock.advance(7_200_000);
    await sleep(LOOK_MS);
  }
  assert.equal(project.disk.calls.length, calls);
  await assert.rejects(compactor.compact(PROJECT, CONTEXT), (error: AppError) => (
    error.code === 'project_corrupt' && seqs.every((each) => error.message.includes(`"${snapPath(each, 'json').slice(6)}" at byte`))
  ));
  assert.deepEqual([await namesIn(project.disk), await unreadable(project)], [before, bad]);
  const told = project.logged.filter(({ level, msg }) => level === 'error' && msg.includes('retried on request'));
  assert.equal(told.length, 1);
  assert.ok(!project.logged.some(({ msg }) => msg.includes('nothing is lost')));
  assert.match(String(told[0]?.['what_to_do']), /from a backup.*repair p1 --config/);
  assert.ok(bad.length > 0 && bad.length < project.store.values.count);
  // The files are put back while the server runs, the way copies are: under another name, then by a rename.
  for (const [path, bytes] of sound) {
    project.disk.put(`${path}.copy`, bytes);
    await project.disk.rename(`${path}.copy`, path);
  }
  assert.equal((await compactor.compact(PROJECT, CONTEXT)).seq, seq);
  assert.deepEqual(await unreadable(project), []);
  assert.deepEqual([project.compaction.hasDamagedSnapshot, project.damage.projectCount, compactor.failingCount], [false, 0, 0]);
  await compactor.close(1000);
  await project.close();
});

test('damage that a second read does not find changes nothing', async () => {
  const project = await twoGenerations();
  const { seq } = project.store;
  const before = await namesIn(project.disk);
  const { inode } = project.disk.tree.file(snapPath(seq, 'json'));
  project.damage.replace(PROJECT, [{ file: `${PROJECT}/${snapPath(seq, 'json').slice(9)}`, offset: 0, expected: '', found: '' }]);
  assert.equal(project.compaction.hasDamagedSnapshot, true);
  assert.equal((await project.compact()).seq, seq);
  assert.deepEqual([project.compaction.hasDamagedSnapshot, project.damage.projectCount], [false, 0]);
  assert.deepEqual([await namesIn(project.disk), project.disk.tree.file(snapPath(seq, 'json')).inode], [before, inode]);
  assert.deepEqual(project.logged.filter(({ level }) => level === 'error'), []);
  assert.equal(project.logged.filter(({ msg }) => msg.includes('read again and is sound')).length, 1);
  await project.close();
});

/** Tags differ in length. */
function withoutTags(everything: string): string {
  return everything.replaceAll(/tag\\?":\d+/g, '');
}

for (const part of ['json', 'index', 'manifest']) {
  test(`a damaged ${part} that shows only when the next snapshot is made is left behind, or nothing of it goes`, async () => {
    const replaceable = await twoGenerations();
    const wanted = await everythingOf(replaceable.store);
    spoil(replaceable.disk, snapPath(replaceable.store.seq, part));
    await replaceable.store.submit({ type: 'set', key: 'k1', value: longValue(1) }, CONTEXT);
    await replaceable.compact();
    assert.equal(await isSound(replaceable, replaceable.store.seq), true);
    assert.deepEqual(await unreadable(replaceable), []);
    assert.ok(withoutTags(await everythingOf(replaceable.store)).length > withoutTags(wanted).length);
    await replaceable.close();

    const only = await onlySnapshots(true);
    for (const { seq } of (await only.snapshots.list()).committed) flip(only.disk, snapPath(seq, part), 0.5);
    await only.store.submit({ type: 'delete', key: 'z1' }, CONTEXT);
    const before = await namesIn(only.disk);
    for (let round = 0; round < 2; round += 1) await assert.rejects(only.compact(), { code: 'project_corrupt' });
    assert.deepEqual(await namesIn(only.disk), before);
    assert.equal(only.damage.projectCount, 1);
    await only.close();
  });
}

const UNCOVERED = { ...SMALL_SEGMENTS, retention: { max_bytes: 0 } };

/** Two generations that hold what no segment holds any more: nothing of the log is sealed, and its first lines are gone. */
async function onlySnapshots(isCaching: boolean): Promise<CompactedProject> {
  const project = await openCompacted({ storage: { ...UNCOVERED, cache_in_memory: isCaching } });
  await project.fill(1, 12);
  await project.compact();
  for (const key of ['z1', 'z2']) {
    await project.store.submit({ type: 'set', key, value: longValue(Number(key.slice(1))) }, CONTEXT);
    await project.compact();
  }
  assert.deepEqual(project.log.sealed?.list(), []);
  return project;
}

/** Changes a byte of a value, the `at`-th part of the way through the file, and says how to change it back. */
function flip(disk: FaultDisk, place: string, at: number): () => void {
  const turn = (): void => {
    const bytes = Buffer.from(disk.bytesOf(place));
    const offset = Math.floor(bytes.length * at);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    disk.put(place, bytes);
  };
  turn();
  return turn;
}

for (const isCaching of [true, false]) {
  const where = isCaching ? 'in memory' : 'on disk';
  test(`no snapshot goes while the log begins late and all of them are damaged, with values ${where}`, async () => {
    const project = await onlySnapshots(isCaching);
    const wanted = await everythingOf(project.store);
    const { committed } = await project.snapshots.list();
    assert.equal(committed.length, 2);
    const turnBack = committed.map(({ seq }, index) => flip(project.disk, snapPath(seq, 'json'), 0.3 + index * 0.3));
    const finding = { offset: 0, expected: '', found: '' };
    project.damage.replace(PROJECT, committed.map(({ seq }) => ({ ...finding, file: snapPath(seq, 'json') })));
    const before = await namesIn(project.disk);
    await assert.rejects(project.compact(), { code: 'project_corrupt' });
    await project.store.submit({ type: 'delete', key: 'z1' }, CONTEXT);
    await assert.rejects(project.compact());
    assert.deepEqual((await namesIn(project.disk)).filter((name) => before.includes(name)), before);
    for (const turn of turnBack) turn();
    await project.close();
    const again = await openCompacted({ disk: project.disk });
    await again.store.submit({ type: 'set', key: 'z1', value: longValue(1) }, CONTEXT);
    const values = (text: string): unknown => withoutTags((JSON.parse(text) as [number, string, number, unknown, string])[4]).length;
    assert.equal(values(await everythingOf(again.store)), values(wanted));
    assert.deepEqual(await unreadable(again), []);
    await again.close();
  });
}

test('a damaged snapshot is not replaced by one that is damaged elsewhere', async () => {
  const project = await onlySnapshots(false);
  const [newest, older] = (await project.snapshots.list()).committed;
  assert.ok(newest && older);
  flip(project.disk, snapPath(newest.seq, 'json'), 0.3);
  flip(project.disk, snapPath(older.seq, 'json'), 0.6);
  const bad = await unreadable(project);
  assert.equal(bad.length, 1);
  const before = await namesIn(project.disk);
  await assert.rejects(project.compact(), { code: 'project_corrupt' });
  assert.deepEqual([await unreadable(project), await namesIn(project.disk)], [bad, before]);
  await project.close();
});

test('a damaged snapshot is not removed if the log with the same content is damaged too', async () => {
  const project = await twoGenerations();
  const sealed = (await namesIn(project.disk)).filter((name) => /^\d+\.jsonl$/.test(name));
  for (const name of sealed) flip(project.disk, `${DATA}/${PROJECT}/${name}`, 0.5);
  for (const { seq } of (await project.snapshots.list()).committed) spoil(project.disk, snapPath(seq, 'json'));
  assert.ok((await unreadable(project)).length > 0);
  const before = await namesIn(project.disk);
  await assert.rejects(project.compact(), { code: 'project_corrupt' });
  assert.deepEqual(await namesIn(project.disk), before);
  await project.close();
});

test('a server replaces a damaged snapshot automatically, whatever the interval', async () => {
  const project = await twoGenerations();
  const compactor = new Compactor({ ...project.compactorOptions, checkIntervalMs: LOOK_MS });
  compactor.resume(project.compaction);
  compactor.start();
  spoil(project.disk, snapPath(project.store.seq, 'json'));
  assert.equal((await unreadable(project)).length, 1);
  project.clock.advance(PATIENCE_MS);
  for (let round = 0; round < 200 && project.compaction.hasDamagedSnapshot; round += 1) await sleep(LOOK_MS);
  await compactor.close(1000);
  assert.deepEqual(await unreadable(project), []);
  assert.equal(await isSound(project, project.store.seq), true);
  await project.close();
});

test('after a kill at any change while a damaged snapshot is replaced, the next startup has everything', async () => {
  const begin = async (): Promise<CompactedProject> => {
    const project = await twoGenerations();
    spoil(project.disk, snapPath(project.store.seq, 'json'));
    await unreadable(project);
    return project;
  };
  const counted = await begin();
  const from = counted.disk.calls.length;
  await counted.compact();
  const changes = counted.disk.calls.slice(from).filter(({ method }) => CHANGING_METHODS.includes(method));
  const points = changes.map(({ number }) => number - from);
  await counted.close();
  assert.ok(points.length > 5);
  for (const loss of ['cached', 'synced'] as const) {
    for (const point of sampled(points, EVERY)) {
      const project = await begin();
      project.disk.fail({ number: project.disk.calls.length + point, action: { kind: 'kill', when: 'after' } });
      await project.compact().catch(() => undefined);
      assert.ok(project.disk.isKilled, `call ${point} of ${points.join()}`);
      const disk: FaultDisk = project.disk.crash({ content: loss, size: loss, names: loss });
      const again = await openCompacted({ disk });
      const damaged = await unreadable(again);
      // Before the damaged one is removed, a start relies on it once more, and finds out again.
      if (damaged.length > 0) await again.compact();
      assert.deepEqual(await unreadable(again), [], `call ${point}, ${loss}`);
      await again.compact();
      assert.equal((await namesIn(again.disk)).filter((name) => name.endsWith('.manifest')).length <= 2, true);
      await again.close();
    }
  }
});

/** Seqs of the snapshots that are on disk, newest first. */
async function committedSeqs({ snapshots }: CompactedProject): Promise<readonly number[]> {
  return (await snapshots.list()).committed.map(({ seq }) => seq);
}

test('neither a sound snapshot nor a segment is removed in favour of a damaged snapshot', async () => {
  const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, retention: { max_bytes: 0 } } });
  await project.fill(1, 8);
  const { seq: first } = await project.compact();
  await project.fill(9, 16);
  const { seq: second } = await project.compact();
  spoil(project.disk, snapPath(second, 'json'));
  // Nothing of the damaged snapshot is left in the next one, so the build does not read it.
  await project.store.submit({ type: 'clear' }, CONTEXT);
  await project.fill(17, 24);
  const { seq: third } = await project.compact();
  assert.deepEqual(await committedSeqs(project), [third, first]);
  assert.equal(project.logged.filter(({ level, msg }) => level === 'error' && msg.startsWith('a snapshot is damaged')).length, 1);
  const wanted = await everythingOf(project.store);
  spoil(project.disk, snapPath(third, 'json'));
  const again = await project.reopen();
  assert.equal(await everythingOf(again.store), wanted);
  await again.close();
});

test('no segment is removed by age while the fallback snapshot is damaged', async () => {
  const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, retention: { max_age_seconds: 60 } } });
  await project.fill(1, 8);
  const { seq: first } = await project.compact();
  await project.fill(9, 16);
  const { seq: second } = await project.compact();
  const wanted = await everythingOf(project.store);
  const segments = project.log.sealed?.list().length ?? 0;
  spoil(project.disk, snapPath(first, 'json'));
  project.clock.advance(3_600_000);
  await project.compaction.run(new AbortController().signal);
  assert.deepEqual([await committedSeqs(project), project.log.sealed?.list().length], [[second], segments]);
  spoil(project.disk, snapPath(second, 'json'));
  const again = await project.reopen();
  assert.equal(await everythingOf(again.store), wanted);
  await again.close();
});

for (const [which, index] of [['newest', 0], ['older', 1]] as const) {
  test(`a compaction that is asked for mends a damaged ${which} snapshot although nothing has changed`, async () => {
    const project = await twoGenerations();
    const wanted = await everythingOf(project.store);
    const seqs = await committedSeqs(project);
    spoil(project.disk, snapPath(seqs[index] ?? 0, 'json'));
    assert.equal((await project.compact()).seq, project.store.seq);
    for (const seq of await committedSeqs(project)) assert.equal(await isSound(project, seq), true);
    assert.equal((await committedSeqs(project))[0], project.store.seq);
    assert.equal(await everythingOf(project.store), wanted);
    await project.close();
  });
}

test.run();
