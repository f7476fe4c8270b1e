import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import { InvariantError } from '../../../src/base/invariant.js';
import type { KeyRange } from '../../../src/events/key-range.js';
import { addTerm, keyTerm } from '../../../src/projections/key-sum.js';
import { type ChangeLimits, ChangeTable } from '../../../src/projections/snapshot/change-table.js';
import { RunDamagedError, SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { SnapshotChange, SnapshotData, SnapshotManifest } from '../../../src/projections/snapshot/snapshot.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { isWithin } from '../../events/plain-range.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { PROPERTY_RUNS } from '../../test-form.js';
import {
  build, commitEntries, emptyDisk, entriesOf, flatten, FOLDER, folderOn, inGroups, manifestOf, namesIn, type PlainEntry, setChange, tagOf,
  timeOf, touchChange,
} from './snapshot-fixture.js';

const test = suite('projections/snapshot/build-snapshot');
/** Each one builds several snapshots. */
const RUNS = PROPERTY_RUNS / 4;
const TIMEOUT_MS = 120_000;
/** Two or three small changes. */
const TINY: ChangeLimits = { bytesHeld: 150, runs: 3 };

/** A change without its form in bytes, which the fixture makes. */
type PlainChange = Exclude<SnapshotChange, { kind: 'set.bytes' }>;

/** The plainest model to compare a build with. */
class PlainMap {
  readonly entries = new Map<string, PlainEntry>();

  apply(change: PlainChange): void {
    if (change.kind === 'clear') this.entries.clear();
    else if (change.kind === 'range') this.#clear(change.range);
    else if (change.kind === 'delete') this.entries.delete(change.key);
    else if (change.kind === 'touch') this.#set(change, this.entries.get(change.key)?.[1]);
    else this.#set(change, change.value);
  }

  #set({ key, seq, expiresAtMs }: Extract<PlainChange, { kind: 'set' | 'touch' }>, value: string | undefined): void {
    assert.ok(value !== undefined, 'only a key that exists is touched');
    this.entries.set(key, expiresAtMs === null ? [key, value, seq] : [key, value, seq, expiresAtMs]);
  }

  #clear(range: KeyRange): void {
    for (const key of [...this.entries.keys()].filter((one) => isWithin(one, range))) this.entries.delete(key);
  }

  sorted(): PlainEntry[] {
    return [...this.entries.values()].sort(([a], [b]) => compareUtf8(a, b));
  }
}

type Step = { readonly kind: 'set'; readonly key: string; readonly value: string; readonly expiry: number | null }
  | { readonly kind: 'touch'; readonly at: number; readonly expiry: number | null } | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'range'; readonly range: KeyRange } | { readonly kind: 'gap' } | { readonly kind: 'snapshot' };

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
const arbitraryRange: fc.Arbitrary<KeyRange> = fc.record(
  { prefix: fc.constantFrom('b', 'key/', 'key/1', '\u{10ffff}'), start: arbitraryKey, end: arbitraryKey }, { ...plain, requiredKeys: [] },
);
const arbitraryExpiry = fc.option(fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }));
const arbitrarySet = fc.record(
  { kind: fc.constant('set' as const), key: arbitraryKey, value: arbitraryValue, expiry: arbitraryExpiry }, plain,
);
const arbitrarySteps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 12, arbitrary: arbitrarySet },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('touch' as const), at: fc.nat(), expiry: arbitraryExpiry }, plain) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: arbitraryKey }, plain) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('range' as const), range: arbitraryRange }, plain) },
  { weight: 2, arbitrary: fc.constant({ kind: 'gap' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'snapshot' as const }) },
), { maxLength: 80 });

/** The change that a step makes; undefined for none. */
function changeOf(step: Step, seq: number, { entries }: PlainMap): PlainChange | undefined {
  switch (step.kind) {
    case 'set':
      return setChange(step.key, step.value, seq, step.expiry);
    case 'touch': {
      const key = [...entries.keys()][step.at % Math.max(entries.size, 1)];
      return key === undefined ? undefined : touchChange(key, seq, step.expiry);
    }
    case 'delete':
    case 'clear':
    case 'range':
      return { ...step, seq };
    default:
      return undefined;
  }
}

/** Builds consecutive snapshots and compares each with the plain map. */
async function compare(steps: readonly Step[], limits: ChangeLimits | undefined): Promise<void> {
  const disk = emptyDisk();
  const model = new PlainMap();
  let previous: SnapshotManifest | undefined;
  let changes: PlainChange[] = [];
  let seq = 0;
  for (const step of [...steps, { kind: 'snapshot' } as const]) {
    seq += 1;
    const change = changeOf(step, seq, model);
    if (change !== undefined) {
      model.apply(change);
      changes.push(change);
    } else if (step.kind === 'snapshot') {
      const data = await build(disk, { seq, previous, ...(limits === undefined ? {} : { limits }) }, changes);
      const manifest = manifestOf(data, seq);
      const expected = model.sorted();
      assert.deepEqual(await entriesOf(disk, manifest), expected);
      const times = (await flatten(folderOn(disk).readIndex(manifest))).map(({ timeMs, tag }) => [timeMs, tag]);
      assert.deepEqual(times, expected.map(([, , version]) => [timeOf(version), tagOf(version)]));
      assert.equal(data.keySum, expected.reduce((sum, [key, , version, expiry]) => addTerm(sum, keyTerm(key, version, expiry ?? null)), 0));
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

for (const limits of [TINY, { bytesHeld: 1, runs: 2 }, { bytesHeld: 400, runs: 99 }]) {
  test(`the same holds if ${limits.bytesHeld} bytes are held, and ${limits.runs} runs merged`, async () => {
    await fc.assert(fc.asyncProperty(arbitrarySteps, (steps) => compare(steps, limits)), { numRuns: RUNS });
  }, { timeoutMs: TIMEOUT_MS });
}

/** Changes that set so many keys. */
function sets(count: number): PlainChange[] {
  return Array.from({ length: count }, (_, index) => setChange(`k${index}`, '"abcd"', index + 1));
}

test('a key that is deleted after being spilled is gone, even without a previous generation, and can be set again', async () => {
  const disk = emptyDisk();
  const changes: PlainChange[] = [
    ...sets(6), { kind: 'delete', key: 'k0', seq: 7 }, { kind: 'delete', key: 'k1', seq: 8 }, setChange('k1', '"back"', 9),
  ];
  const data = await build(disk, { seq: 9, previous: undefined, limits: { ...TINY, runs: 9 } }, changes);
  const keys = (await entriesOf(disk, manifestOf(data, 9))).map(([key, , seq]) => [key, seq]);
  assert.deepEqual(keys, [['k1', 9], ['k2', 3], ['k3', 4], ['k4', 5], ['k5', 6]]);
});

/** Builds a snapshot of 20 keys, and spoils the second run file as soon as it is written. */
async function buildSpoilt(disk: FaultDisk, spoil: (bytes: Buffer) => Buffer, limits: ChangeLimits): Promise<SnapshotData> {
  const path = `${FOLDER}/snap-00000000000000000020.run-2`;
  let isSpoilt = false;
  const changes = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    for await (const group of inGroups(sets(20), 1)) {
      yield group;
      if (isSpoilt || disk.tree.find(path) === undefined) continue;
      isSpoilt = true;
      disk.put(path, spoil(Buffer.from(disk.bytesOf(path))));
    }
  };
  return await build(disk, { seq: 20, previous: undefined, limits, changes: changes() }, []);
}

test('a run file that is damaged in any byte ends the attempt, leaves nothing, and the next one succeeds', async () => {
  const sound = await build(emptyDisk(), { seq: 20, previous: undefined }, sets(20));
  // With three runs the damage is found while they are merged, with many at the end.
  for (const limits of [TINY, { ...TINY, runs: 99 }]) {
    let runBytes = 0;
    assert.deepEqual(await buildSpoilt(emptyDisk(), (bytes) => { runBytes = bytes.length; return bytes; }, limits), sound);
    assert.ok(runBytes > 60, `${runBytes} bytes`);
    const flips = Array.from({ length: runBytes }, (_, at) => (bytes: Buffer) => {
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
      return bytes;
    });
    for (const spoil of [...flips, (bytes: Buffer) => bytes.subarray(1), (bytes: Buffer) => bytes.subarray(0, -1), () => Buffer.alloc(0)]) {
      const disk = emptyDisk();
      await assert.rejects(buildSpoilt(disk, spoil, limits), RunDamagedError);
      assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
      assert.deepEqual(await build(disk, { seq: 20, previous: undefined, limits }, sets(20)), sound);
    }
  }
});

/** Values around the size of a block and of several MiB, small ones between them. */
const VALUE_BYTES = [1, 262_000, 2, 262_144, 300_000, 3, 3_145_728, 262_120, 1, 5_000_000];

test('values of any size pass through runs and merges, and a large one that is replaced is not even read', async () => {
  const valueOf = (sizeBytes: number): string => (sizeBytes < 4 ? '123'.slice(0, sizeBytes) : `"${'é'.repeat((sizeBytes - 2) / 2)}"`);
  const changes = [0, 1, 2].flatMap((round) => VALUE_BYTES.map((sizeBytes, index) => (
    setChange(`\u{1f600}${(index * 7) % 10}`, valueOf(sizeBytes), round * VALUE_BYTES.length + index + 1)
  )));
  const expected = await build(emptyDisk(), { seq: 30, previous: undefined }, changes);
  for (const limits of [{ bytesHeld: 1, runs: 2 }, { bytesHeld: 1, runs: 99 }, { bytesHeld: 1_000_000, runs: 3 }]) {
    const disk = emptyDisk();
    assert.deepEqual(await build(disk, { seq: 30, previous: undefined, limits }, changes), expected);
    const callsOf = (wanted: string): number => disk.calls.filter(({ method, path }) => method === wanted && path.includes('run-')).length;
    // Without merges in between, all that was written is read, except the five large values of the first round and of the second.
    if (limits.runs === 99) assert.equal(callsOf('append') - callsOf('read'), 10);
  }
});

test('each change is written once for each level of merges, not for each merge', async () => {
  const disk = emptyDisk();
  let changes = 0;
  const table = new ChangeTable({ disk, folder: FOLDER, seq: 1000 }, { bytesHeld: 1, runs: 4 }, false);
  for (const change of sets(256)) {
    await table.take(change);
    changes += 1;
    const runs = namesIn(disk).length;
    assert.ok(runs <= 4 * 4, `${runs} run files after ${changes} changes`);
  }
});

test('a damaged previous generation is refused, and the build succeeds without it', async () => {
  const disk = emptyDisk();
  const all = [setChange('a', '"1"', 1), setChange('b', '"2"', 2), setChange('c', '"3"', 3)];
  const previous = await commitEntries(disk, [['a', '"1"', 1], ['b', '"2"', 2]], 2);
  const path = `${FOLDER}/snap-00000000000000000002.json`;
  disk.put(path, disk.bytesOf(path).toString().replace('"2"', '"3"'));
  const before = namesIn(disk);
  const damaged = (error: unknown): boolean => error instanceof SnapshotCorruptError && error.file === 'snap-00000000000000000002.json';
  await assert.rejects(build(disk, { seq: 3, previous }, all.slice(2)), damaged);
  assert.deepEqual([namesIn(disk), disk.openPaths], [before, []]);
  const data = await build(disk, { seq: 3, previous: undefined }, all);
  assert.deepEqual(await entriesOf(disk, manifestOf(data, 3)), [['a', '"1"', 1], ['b', '"2"', 2], ['c', '"3"', 3]]);
});

test('after a clear the previous generation is not even opened', async () => {
  const disk = emptyDisk();
  const previous = await commitEntries(disk, [['a', '"1"', 1]], 2);
  disk.tree.remove(`${FOLDER}/snap-00000000000000000002.json`);
  const data = await build(disk, { seq: 5, previous }, [{ kind: 'clear', seq: 4 }, setChange('b', '2', 5)]);
  assert.deepEqual(await entriesOf(disk, manifestOf(data, 5)), [['b', '2', 5]]);
});

test('changes out of order or out of range are defects', async () => {
  for (const seqs of [[2, 1], [4], [0]]) {
      const changes = seqs.map((seq) => setChange('a', '1', seq));
    await assert.rejects(build(emptyDisk(), { seq: 3, previous: undefined }, changes), InvariantError);
  }
  const disk = emptyDisk();
  const previous = await commitEntries(disk, [], 2);
  await assert.rejects(build(disk, { seq: 3, previous }, [setChange('a', '1', 2)]), InvariantError);
  await assert.rejects(build(disk, { seq: 2, previous }, []), InvariantError);
});

test('a signal aborts the build with its reason, even between two changes, and no file is left', async () => {
  const disk = emptyDisk();
  const abort = new AbortController();
  const reason = new Error('enough');
  const changes = sets(40);
  const aborting = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    yield* inGroups(changes.slice(0, 20));
    abort.abort(reason);
    yield* inGroups(changes.slice(20));
  };
  const parts = { seq: 40, previous: undefined, limits: TINY };
  const isReason = (error: unknown): boolean => error === reason;
  await assert.rejects(build(disk, { ...parts, signal: abort.signal, changes: aborting() }, []), isReason);
  const late = new AbortController();
  const all = async function* (): AsyncGenerator<readonly SnapshotChange[]> {
    yield* inGroups(changes);
    late.abort(reason);
  };
  await assert.rejects(build(disk, { ...parts, signal: late.signal, changes: all() }, []), isReason);
  assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
});

test('a disk that fills up at any point rejects with disk_full, and no file of the attempt is left', async () => {
  const changes = sets(30);
  let failures = 0;
  for (let roomBytes = 0; roomBytes < 6000; roomBytes += 37) {
    const disk = emptyDisk();
    disk.roomBytes = roomBytes;
    const work = build(disk, { seq: 30, previous: undefined, limits: TINY }, changes);
    const outcome = await work.catch((error: unknown) => error);
    if (!(outcome instanceof Error)) continue;
    failures += 1;
    assert.ok(outcome instanceof AppError && outcome.code === 'disk_full', String(outcome));
    assert.deepEqual([namesIn(disk), disk.openPaths], [[], []]);
  }
  assert.ok(failures > 30, `${failures} failures`);
});

test.run();
