import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import { InvariantError } from '../../../src/base/invariant.js';
import { addTerm, keyTerm } from '../../../src/projections/key-sum.js';
import type { ChangeLimits } from '../../../src/projections/snapshot/change-table.js';
import { SnapshotCorruptError, ValueChangedError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { SnapshotChange, SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { PROPERTY_RUNS } from '../../test-form.js';
import {
  build, commitEntries, emptyDisk, entriesOf, flatten, FOLDER, folderOn, inGroups, manifestOf, namesIn, PlacedValues,
  type PlainEntry, timeOf,
} from './snapshot-fixture.js';

const test = suite('projections/snapshot/build-snapshot');
/** Each one builds several snapshots. */
const RUNS = PROPERTY_RUNS / 4;
const TIMEOUT_MS = 120_000;
const TINY: ChangeLimits = { keysHeld: 3, keyUnitsHeld: 40, valueUnitsHeld: 12, runs: 3 };

/** The plainest model to compare a build with. */
class PlainMap {
  readonly entries = new Map<string, PlainEntry>();

  apply(change: SnapshotChange): void {
    if (change.kind === 'clear') this.entries.clear();
    else if (change.kind === 'delete') this.entries.delete(change.key);
    else this.entries.set(change.key, [change.key, change.value, change.seq]);
  }

  sorted(): PlainEntry[] {
    return [...this.entries.values()].sort(([a], [b]) => compareUtf8(a, b));
  }
}

type Step = { readonly kind: 'set'; readonly key: string; readonly value: string } | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clear' } | { readonly kind: 'gap' } | { readonly kind: 'snapshot' };

/** Few keys, so that they repeat, some on both sides of the point where UTF-16 and UTF-8 sort differently. */
const arbitraryKey = fc.oneof(
  fc.constantFrom('a', 'b', 'ba', 'bb', 'c/"\\', 'é', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '', '\u2028', 'k'.repeat(1024)),
  fc.integer({ min: 0, max: 30 }).map((number) => `key/${number}`),
);
const arbitraryValue = fc.oneof(
  fc.json({ maxDepth: 1 }).map((text) => text.replaceAll('\n', '')),
  fc.constantFrom('1.0', '1e400', '{"a":1,"a":2}', `"${'ü'.repeat(3000)}"`),
);
const plain = { noNullPrototype: true };
const arbitrarySteps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('set' as const), key: arbitraryKey, value: arbitraryValue }, plain) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: arbitraryKey }, plain) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'gap' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'snapshot' as const }) },
), { maxLength: 80 });

/** Builds consecutive snapshots and compares each with the plain map. */
async function compare(steps: readonly Step[], limits: ChangeLimits | undefined): Promise<void> {
  const disk = emptyDisk();
  const values = new PlacedValues();
  const model = new PlainMap();
  let previous: SnapshotManifest | undefined;
  let changes: SnapshotChange[] = [];
  let seq = 0;
  for (const step of [...steps, { kind: 'snapshot' } as const]) {
    seq += 1;
    if (step.kind === 'set') changes.push(values.set(step.key, step.value, seq));
    else if (step.kind === 'delete') changes.push({ kind: 'delete', key: step.key, seq });
    else if (step.kind === 'clear') changes.push({ kind: 'clear', seq });
    else if (step.kind === 'snapshot') {
      const data = await build(disk, { seq, previous, readText: values.readText, ...(limits === undefined ? {} : { limits }) }, changes);
      for (const change of changes) model.apply(change);
      const manifest = manifestOf(data, seq);
      const expected = model.sorted();
      assert.deepEqual(await entriesOf(disk, manifest), expected);
      const times = (await flatten(folderOn(disk).readIndex(manifest))).map(({ timeMs }) => timeMs);
      assert.deepEqual(times, expected.map(([, , version]) => timeOf(version)));
      assert.equal(data.keySum, expected.reduce((sum, [key, , version]) => addTerm(sum, keyTerm(key, version)), 0));
      assert.ok(namesIn(disk).every((name) => !name.includes('run-')), 'no run file is left');
      assert.deepEqual(disk.openPaths, []);
      await folderOn(disk).commit(manifest);
      previous = manifest;
      changes = [];
    }
  }
}

test('consecutive generations equal a plain map', async () => {
  await fc.assert(fc.asyncProperty(arbitrarySteps, (steps) => compare(steps, undefined)), { numRuns: RUNS });
}, { timeoutMs: TIMEOUT_MS });

test('the same holds with so little memory that everything is spilled, merged and read again', async () => {
  await fc.assert(fc.asyncProperty(arbitrarySteps, (steps) => compare(steps, TINY)), { numRuns: RUNS });
}, { timeoutMs: TIMEOUT_MS });

/** Changes that set so many keys. */
function sets(values: PlacedValues, count: number): SnapshotChange[] {
  return Array.from({ length: count }, (_, index) => values.set(`k${index}`, '"abcd"', index + 1));
}

test('values that fit are not read again, and beyond the limit each is read once', async () => {
  const changes = (values: PlacedValues): SnapshotChange[] => sets(values, 20);
  const roomy = new PlacedValues();
  await build(emptyDisk(), { seq: 20, previous: undefined, readText: roomy.readText }, changes(roomy));
  assert.equal(roomy.readCount, 0);
  const tight = new PlacedValues();
  const limits = { keysHeld: 100, keyUnitsHeld: 1000, valueUnitsHeld: 30, runs: 3 };
  await build(emptyDisk(), { seq: 20, previous: undefined, readText: tight.readText, limits }, changes(tight));
  assert.equal(tight.readCount, 15);
});

test('a key that is deleted after being spilled is gone, even without a previous generation, and can be set again', async () => {
  const disk = emptyDisk();
  const values = new PlacedValues();
  const changes: SnapshotChange[] = [
    ...sets(values, 6), { kind: 'delete', key: 'k0', seq: 7 }, { kind: 'delete', key: 'k1', seq: 8 }, values.set('k1', '"back"', 9),
  ];
  const data = await build(disk, { seq: 9, previous: undefined, readText: values.readText, limits: { ...TINY, runs: 9 } }, changes);
  const keys = (await entriesOf(disk, manifestOf(data, 9))).map(([key, , seq]) => [key, seq]);
  assert.deepEqual(keys, [['k1', 9], ['k2', 3], ['k3', 4], ['k4', 5], ['k5', 6]]);
});

test('at most four values are read at once', async () => {
  const values = new PlacedValues();
  let reading = 0;
  let most = 0;
  const readText: typeof values.readText = async (place) => {
    reading += 1;
    most = Math.max(most, reading);
    const bytes = await values.readText(place);
    reading -= 1;
    return bytes;
  };
  const changes = sets(values, 50);
  await build(emptyDisk(), { seq: 50, previous: undefined, readText, limits: TINY }, changes);
  assert.equal(most, 4);
});

test('a value that the log returns changed or cut is never written', async () => {
  for (const spoil of [(bytes: Buffer) => bytes.fill('9', 1, 2), (bytes: Buffer) => bytes.subarray(1), () => Buffer.alloc(0)]) {
    const disk = emptyDisk();
    const values = new PlacedValues();
    const readText: typeof values.readText = async (place) => spoil(await values.readText(place));
    const changes = sets(values, 9);
    await assert.rejects(build(disk, { seq: 9, previous: undefined, readText, limits: TINY }, changes), ValueChangedError);
    assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
  }
});

test('a damaged previous generation is refused, and the build succeeds without it', async () => {
  const disk = emptyDisk();
  const values = new PlacedValues();
  const all = [values.set('a', '"1"', 1), values.set('b', '"2"', 2), values.set('c', '"3"', 3)];
  const previous = await commitEntries(disk, [['a', '"1"', 1], ['b', '"2"', 2]], 2);
  const path = `${FOLDER}/snap-00000000000000000002.json`;
  disk.put(path, disk.bytesOf(path).toString().replace('"2"', '"3"'));
  const before = namesIn(disk);
  const damaged = (error: unknown): boolean => error instanceof SnapshotCorruptError && error.file === 'snap-00000000000000000002.json';
  await assert.rejects(build(disk, { seq: 3, previous, readText: values.readText }, all.slice(2)), damaged);
  assert.deepEqual([namesIn(disk), disk.openPaths], [before, []]);
  const data = await build(disk, { seq: 3, previous: undefined, readText: values.readText }, all);
  assert.deepEqual(await entriesOf(disk, manifestOf(data, 3)), [['a', '"1"', 1], ['b', '"2"', 2], ['c', '"3"', 3]]);
});

test('after a clear the previous generation is not even opened', async () => {
  const disk = emptyDisk();
  const values = new PlacedValues();
  const previous = await commitEntries(disk, [['a', '"1"', 1]], 2);
  disk.tree.remove(`${FOLDER}/snap-00000000000000000002.json`);
  const data = await build(disk, { seq: 5, previous, readText: values.readText }, [{ kind: 'clear', seq: 4 }, values.set('b', '2', 5)]);
  assert.deepEqual(await entriesOf(disk, manifestOf(data, 5)), [['b', '2', 5]]);
});

test('changes out of order or out of range are defects', async () => {
  for (const seqs of [[2, 1], [4], [0]]) {
    const values = new PlacedValues();
    const changes = seqs.map((seq) => values.set('a', '1', seq));
    await assert.rejects(build(emptyDisk(), { seq: 3, previous: undefined, readText: values.readText }, changes), InvariantError);
  }
  const disk = emptyDisk();
  const values = new PlacedValues();
  const previous = await commitEntries(disk, [], 2);
  await assert.rejects(build(disk, { seq: 3, previous, readText: values.readText }, [values.set('a', '1', 2)]), InvariantError);
  await assert.rejects(build(disk, { seq: 2, previous, readText: values.readText }, []), InvariantError);
});

test('a signal aborts the build with its reason, even between two changes, and no file is left', async () => {
  const disk = emptyDisk();
  const values = new PlacedValues();
  const abort = new AbortController();
  const reason = new Error('enough');
  const changes = sets(values, 40);
  const aborting = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    yield* inGroups(changes.slice(0, 20));
    abort.abort(reason);
    yield* inGroups(changes.slice(20));
  };
  const parts = { seq: 40, previous: undefined, readText: values.readText, limits: TINY };
  await assert.rejects(build(disk, { ...parts, signal: abort.signal, changes: aborting() }, []), (error: unknown) => error === reason);
  const reading = async (): Promise<Buffer> => {
    abort.abort(reason);
    return await Promise.reject(reason);
  };
  await assert.rejects(build(disk, { ...parts, readText: reading }, changes), (error: unknown) => error === reason);
  assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
});

test('a disk that fills up at any point rejects with disk_full, and no file of the attempt is left', async () => {
  const values = new PlacedValues();
  const changes = sets(values, 30);
  let failures = 0;
  for (let roomBytes = 0; roomBytes < 6000; roomBytes += 37) {
    const disk = emptyDisk();
    disk.roomBytes = roomBytes;
    const work = build(disk, { seq: 30, previous: undefined, readText: values.readText, limits: TINY }, changes);
    const outcome = await work.catch((error: unknown) => error);
    if (!(outcome instanceof Error)) continue;
    failures += 1;
    assert.ok(outcome instanceof AppError && outcome.code === 'disk_full', String(outcome));
    assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
  }
  assert.ok(failures > 30, `${failures} failures`);
});

test.run();
