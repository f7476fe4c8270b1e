/** Compaction of one project: what is committed, what is refused, what goes, and what a failure leaves. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { toCompactionError } from '../../../src/projects/compaction/damaged-snapshot.js';
import { SnapshotMismatchError } from '../../../src/projects/compaction/snapshot-mismatch.js';
import type { BuiltGeneration } from '../../../src/projections/snapshot/file-work.js';
import type { BackgroundTasks } from '../../../src/projects/background-tasks.js';
import { CHANGING_METHODS, type DiskCall, type Fault } from '../../disk/fault-disk.js';
import { suite } from '../../suite.js';
import { sampled } from '../../test-form.js';
import {
  type CompactedProject, DATA, everythingOf, registryLines, longValue, namesIn, openCompacted, PROJECT, SMALL_SEGMENTS, spoil,
} from '../compacted-project.js';
import { CONTEXT } from '../lives-fixture.js';
import { readKey } from '../../store/read-key.js';

const test = suite('project-compaction');

const COLD = { ...SMALL_SEGMENTS, cache_in_memory: false };

const snapName = (seq: number, part: string): string => `snap-${String(seq).padStart(20, '0')}.${part}`;
const snapPath = (seq: number, part: string): string => `${DATA}/${PROJECT}/${snapName(seq, part)}`;

function generationsAmong(names: readonly string[]): number[] {
  return names.filter((name) => name.endsWith('.manifest')).map((name) => Number(name.slice(5, 25)));
}

async function assertReadable({ store }: CompactedProject, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    assert.equal((await readKey(store, `k${number}`))?.value, longValue(number), `k${number}`);
  }
}

/** Changes what the background task says it has built. */
function lying(lie: (built: BuiltGeneration) => BuiltGeneration): (tasks: BackgroundTasks) => BackgroundTasks {
  return (tasks) => ({
    build: async (job, signal) => lie(await tasks.build(job, signal)),
    buildPast: (job, signal) => tasks.buildPast(job, signal),
    scrub: (job, signal) => tasks.scrub(job, signal),
    check: (job, signal) => tasks.check(job, signal),
    verify: (job, signal) => tasks.verify(job, signal),
    close: () => tasks.close(),
  });
}

test('a snapshot holds every key in order, is copied beside the log, and is recorded with its digest and actor', async () => {
  const project = await openCompacted();
  await project.fill(1, 12);
  await project.store.submit({ type: 'delete', key: 'k3' }, CONTEXT);
  const result = await project.compact();
  assert.deepEqual([result.seq, result.key_count], [14, 11]);
  const text = project.disk.bytesOf(`${DATA}/${PROJECT}.json`).toString();
  assert.equal(result.bytes, Buffer.byteLength(text));
  const expected = [...Array(12).keys()].map((index) => `k${index + 1}`).filter((key) => key !== 'k3').sort();
  assert.deepEqual(Object.entries(JSON.parse(text) as object), expected.map((key) => [key, JSON.parse(longValue(Number(key.slice(1))))]));
  const [line, ...more] = registryLines(project.disk, 'snapshot.committed');
  assert.deepEqual(more, []);
  assert.deepEqual([line?.['id'], line?.['key_count'], line?.['bytes'], line?.['request']], [PROJECT, 11, result.bytes, CONTEXT.requestId]);
  await project.close();
});

test('if nothing has changed, the newest snapshot is returned, and nothing is written', async () => {
  const project = await openCompacted();
  await project.fill(1, 3);
  const first = await project.compact();
  const before = project.disk.contents();
  const second = await project.compact();
  assert.deepEqual([second.seq, second.key_count, second.bytes], [first.seq, first.key_count, first.bytes]);
  assert.deepEqual(project.disk.contents(), before);
  await project.close();
});

for (const [what, lie] of [
  ['key count', (built: BuiltGeneration) => ({ ...built, keyCount: built.keyCount + 1 })],
  ['sum over keys and versions', (built: BuiltGeneration) => ({ ...built, keySum: built.keySum ^ 1 })],
  ['hash', (built: BuiltGeneration) => ({ ...built, hash: 'f'.repeat(64) })],
] as const) {
  test(`a snapshot whose ${what} is not the project's is refused and leaves nothing`, async () => {
    const project = await openCompacted({ wrapTasks: lying(lie) });
    await project.fill(1, 4);
    const before = await namesIn(project.disk);
    await assert.rejects(project.compact(), (error) => error instanceof SnapshotMismatchError && error.message.includes(what));
    assert.deepEqual(await namesIn(project.disk), before);
    assert.equal(project.compaction.isDue, true);
    await project.fill(5, 5);
    await project.close();
  });
}

test('a small snapshot is due after any change, and a large one when the log since then has half of its size', async () => {
  const project = await openCompacted({ storage: { compaction: { interval_seconds: 0 } } });
  assert.equal(project.compaction.isDue, true);
  await project.compact();
  assert.equal(project.compaction.isDue, false);
  const value = JSON.stringify('v'.repeat(900_000));
  for (let number = 0; number < 6; number += 1) await project.store.submit({ type: 'set', key: `big${number}`, value }, CONTEXT);
  assert.equal(project.compaction.isDue, true);
  await project.compact();
  for (let number = 0; number < 2; number += 1) {
    await project.store.submit({ type: 'set', key: `big${number}`, value }, CONTEXT);
    assert.equal(project.compaction.isDue, false, `after ${number + 1} of 6`);
  }
  for (let number = 2; number < 4; number += 1) await project.store.submit({ type: 'set', key: `big${number}`, value }, CONTEXT);
  assert.equal(project.compaction.isDue, true);
  await project.close();
});

for (const durability of ['interval', 'os'] as const) {
  test(`under ${durability} the log is synced before its lines are in a snapshot`, async () => {
    const project = await openCompacted({ storage: { ...SMALL_SEGMENTS, durability, sync_interval_ms: 60_000 } });
    await project.fill(1, 2);
    await project.compact();
    const { calls } = project.disk;
    const lastAppend = calls.findLastIndex(({ method, path }) => method === 'append' && path.endsWith(`${PROJECT}.jsonl`));
    const isSync = ({ method, path }: DiskCall): boolean => method === 'datasync' && path.endsWith(`${PROJECT}.jsonl`);
    const sync = calls.findIndex((call, index) => index > lastAppend && isSync(call));
    const manifest = calls.findIndex(({ method, path }) => method === 'rename' && path.includes('.manifest'));
    assert.ok(lastAppend >= 0 && sync > lastAppend && manifest > sync, `${lastAppend} ${sync} ${manifest}`);
    await project.close();
  });
}

test('two generations are kept; values of removed ones are read from the newest', async () => {
  for (const storage of [SMALL_SEGMENTS, COLD]) {
    const project = await openCompacted({ storage });
    const seqs: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await project.fill(round * 3 + 1, round * 3 + 3);
      seqs.push((await project.compact()).seq);
      await assertReadable(project, 1, round * 3 + 3);
    }
    assert.deepEqual(generationsAmong(await namesIn(project.disk)), seqs.slice(-2));
    assert.equal(project.store.reads.damagedReads, 0);
    await project.close();
  }
});

test('values that are still to be loaded into memory are relocated out of removed generations too', async () => {
  const first = await openCompacted({ storage: COLD });
  await first.fill(1, 3);
  await first.compact();
  const project = await first.reopen();
  // As when loading has been asked for and has not come to them.
  project.store.setCaching(true);
  for (let number = 10; number < 14; number += 1) {
    await project.fill(number, number);
    await project.compact();
  }
  await assertReadable(project, 1, 3);
  await project.store.reads.loadAll();
  await project.close();
});

test('a read that began before a generation is removed succeeds, and the removal waits for it', async () => {
  const project = await openCompacted({ storage: COLD });
  await project.fill(1, 2);
  const { seq } = await project.compact();
  await project.fill(3, 3);
  await project.compact();
  let letGo = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  // Values lie in the second generation by now; the read of one is held while two more are made.
  project.disk.fail({ method: 'read', path: /snap-.*json$/, action: { kind: 'hold', until } });
  const reading = Promise.resolve(readKey(project.store, 'k1'));
  await project.disk.settle();
  await project.fill(4, 4);
  const compacting = project.compact();
  await project.disk.settle();
  assert.ok(generationsAmong(await namesIn(project.disk)).includes(seq), 'nothing goes before the read has ended');
  letGo();
  assert.equal((await reading)?.value, longValue(1));
  await compacting;
  assert.ok(!generationsAmong(await namesIn(project.disk)).includes(seq));
  await project.close();
});

test('a damaged generation is logged, not built on, and removed only once its values are read from elsewhere', async () => {
  for (const storage of [SMALL_SEGMENTS, COLD]) {
    const project = await openCompacted({ storage });
    await project.fill(1, 3);
    const older = await project.compact();
    await project.fill(4, 6);
    const damaged = await project.compact();
    spoil(project.disk, snapPath(damaged.seq, 'index'));
    await project.fill(7, 9);
    const from = project.disk.calls.length;
    await project.compact();
    assert.ok(project.logged.some(({ level, msg }) => level === 'error' && /snapshot is damaged/.test(msg)));
    assert.ok(!generationsAmong(await namesIn(project.disk)).includes(damaged.seq));
    await assertReadable(project, 1, 9);
    const calls = project.disk.calls.slice(from).map(({ method, path }) => `${method} ${path}`);
    const gone = calls.indexOf(`unlink ${snapPath(damaged.seq, 'manifest')}`);
    // All of the older one has been checked and places have been taken from it, then the lines after it.
    const relocated = calls.slice(0, gone).filter((call) => call === `open ${snapPath(older.seq, 'index')}`);
    assert.ok(gone > 0 && relocated.length === (storage === COLD ? 2 : 1), `${relocated.length} readings before call ${gone}`);
    const again = await project.reopen();
    await assertReadable(again, 1, 9);
    await again.close();
  }
});

test('a damaged generation is kept for its sound values until another one is committed', async () => {
  const project = await openCompacted({ storage: COLD });
  await project.fill(1, 3);
  const { seq } = await project.compact();
  spoil(project.disk, snapPath(seq, 'index'));
  await project.fill(4, 4);
  project.disk.fail({ method: 'rename', path: /manifest-new$/, times: Infinity, action: { kind: 'errno', code: 'EIO' } });
  await assert.rejects(project.compact());
  await assertReadable(project, 1, 4);
  await project.close();
});

test('if both generations are damaged, the next one is built from the log', async () => {
  const project = await openCompacted();
  await project.fill(1, 3);
  const first = await project.compact();
  await project.fill(4, 6);
  const second = await project.compact();
  for (const { seq } of [first, second]) spoil(project.disk, snapPath(seq, 'index'));
  await project.fill(7, 7);
  const { seq } = await project.compact();
  assert.deepEqual(generationsAmong(await namesIn(project.disk)), [seq]);
  const again = await project.reopen();
  await assertReadable(again, 1, 7);
  await again.close();
});

test('a snapshot is committed although its readable copy cannot be written; the failure is reported and retried', async () => {
  const project = await openCompacted();
  await project.fill(1, 2);
  const mend = project.disk.fail({ method: 'append', path: /copy-new$/, times: Infinity, action: { kind: 'errno', code: 'EPERM' } });
  await project.compact();
  assert.ok(project.logged.some(({ level, msg }) => level === 'warn' && /readable snapshot/.test(msg)));
  assert.equal(project.compaction.isReadableFailing, true);
  mend();
  await project.compact();
  assert.equal(project.compaction.isReadableFailing, false);
  assert.equal(Object.keys(JSON.parse(project.disk.bytesOf(`${DATA}/${PROJECT}.json`).toString()) as object).length, 2);
  await project.close();
});

test('an aborted compaction rejects with the reason of its signal, leaves nothing, and can be repeated', async () => {
  const project = await openCompacted();
  await project.fill(1, 6);
  const before = await namesIn(project.disk);
  await assert.rejects(project.compact(AbortSignal.abort(new Error('leaving'))), /leaving/);
  assert.deepEqual(await namesIn(project.disk), before);
  assert.equal((await project.compact()).seq, 7);
  await project.close();
});

/** A project that has two generations, an old one that is due to go, and something new. */
async function readyToCompact(storage = SMALL_SEGMENTS): Promise<CompactedProject> {
  const project = await openCompacted({ storage });
  for (let round = 0; round < 2; round += 1) {
    await project.fill(round * 2 + 1, round * 2 + 2);
    await project.compact();
  }
  await project.fill(5, 7);
  await project.store.submit({ type: 'delete', key: 'k2' }, CONTEXT);
  return project;
}

const RETAINING = { ...SMALL_SEGMENTS, retention: { max_bytes: 0, compress: 'gzip' } } as const;

/** Only what a compaction writes: what the log and the registry do with a failure has tests of its own. */
const OWN_PATH = /snap-|\/p1$|\/p1\.json$|\.gz$|compressing$/;

/** The short form strikes one call in so many. */
const EVERY = 4;

/** The calls that a compaction makes, counted from its first one. */
async function callsOfCompaction(isWanted: (call: DiskCall) => boolean): Promise<readonly number[]> {
  const project = await readyToCompact(RETAINING);
  const from = project.disk.calls.length;
  await project.compact();
  const numbers = project.disk.calls.slice(from).filter(isWanted).map(({ number }) => number - from);
  await project.close();
  assert.ok(numbers.length > 0);
  return sampled(numbers, EVERY);
}

function isFirstOfItsKind(): (call: DiskCall) => boolean {
  const seen = new Set<string>();
  return ({ method, path }) => seen.size < seen.add(`${method} ${path}`).size;
}

const isChanging = ({ method }: DiskCall): boolean => CHANGING_METHODS.includes(method);

for (const [what, action, isStruck] of [
  ['a full disk', { kind: 'errno', code: 'ENOSPC' }, isChanging],
  ['a disk that fails', { kind: 'errno', code: 'EIO' }, isFirstOfItsKind()],
  ['a disk that fails and has done it', { kind: 'errno', code: 'EIO', carriedOut: true }, isChanging],
  ['a short write', { kind: 'short', bytes: 1 }, ({ method }: DiskCall) => method === 'append'],
] as const satisfies readonly (readonly [string, Fault['action'], (call: DiskCall) => boolean])[]) {
  test(`${what} at any call of a compaction stops no write, loses nothing, and the next compaction and start are good`, async () => {
    for (const nth of await callsOfCompaction((call) => OWN_PATH.test(call.path) && isStruck(call))) {
      const project = await readyToCompact(RETAINING);
      const before = await everythingOf(project.store);
      const mend = project.disk.fail({ number: project.disk.calls.length + nth, action });
      await project.compact().catch(() => undefined);
      mend();
      assert.equal(await everythingOf(project.store), before, `call ${nth}`);
      await project.fill(20, 21);
      await project.compact();
      const wanted = await everythingOf(project.store);
      const again = await project.reopen();
      assert.equal(await everythingOf(again.store), wanted, `call ${nth}`);
      assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), [], `call ${nth}`);
      await again.compact();
      assert.ok(generationsAmong(await namesIn(again.disk)).length <= 2, `call ${nth} leaves generations`);
      await again.close();
    }
  });
}

for (const [what, loss] of [
  ['killed', { content: 'cached', size: 'cached', names: 'cached' }],
  ['cut off from power', { content: 'synced', size: 'synced', names: 'synced' }],
] as const) {
  test(`a process that is ${what} after any change of a compaction finds everything at the next start, and compacts`, async () => {
    for (const nth of await callsOfCompaction(isChanging)) {
      const project = await readyToCompact(RETAINING);
      const wanted = await everythingOf(project.store);
      project.disk.fail({ number: project.disk.calls.length + nth, action: { kind: 'kill', when: 'after' } });
      await project.compact().catch(() => undefined);
      assert.ok(project.disk.isKilled);
      const again = await openCompacted({ disk: project.disk.crash(loss) });
      assert.equal(await everythingOf(again.store), wanted, `call ${nth}`);
      assert.deepEqual(again.logged.filter(({ level }) => level === 'error'), [], `call ${nth}`);
      await again.fill(8, 8);
      await again.compact();
      assert.ok(generationsAmong(await namesIn(again.disk)).length <= 2, `call ${nth} leaves generations`);
      await again.close();
    }
  });
}

test('the error for the client keeps known codes and names no file', () => {
  const full = new AppError('disk_full', 'Cannot write');
  assert.equal(toCompactionError(full), full);
  const other = toCompactionError(new Error('/data/p1/snap'));
  assert.deepEqual([other.code, other.message.includes('/data')], ['compaction_failed', false]);
});

test.run();
