/** Reads of values that are not in memory, while they are moved, replaced, loaded and damaged. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { TextPlace } from '../../src/base/text-place.js';
import type { LoadedEntry } from '../../src/projections/key-entry.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { touchedSinceSnapshot, type ValuePlace, versionsInSnapshot } from '../../src/projections/value-place.js';
import { PIECE_VALUE_BYTES_MAX, type ReadPiece } from '../../src/store/project-reads.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';
import { inGroups, SnapshotShelf } from './snapshot-shelf.js';
import { readKey } from './read-key.js';

const test = suite('project-reads: values on disk');

const ROUNDS = 20;

/** A store whose values lie in a log that the test can stop. */
class Cold {
  readonly log = new PlacedLog({ linesPerSegment: 3 });
  readonly shelf = new SnapshotShelf();
  readonly store: ProjectStore;
  /** Reads that wait for the test. */
  readonly held: { readonly place: TextPlace; readonly goOn: () => void }[] = [];

  private constructor(isCaching: boolean) {
    const model = new ProjectModel({ isCaching });
    // Nothing is remembered, so that each read goes to where the value lies.
    this.store = new ProjectStore({ log: this.log, model, readSnapshotValue: this.shelf.readValue, cache: new ValueCache(1) });
  }

  static async with(values: Readonly<Record<string, string>>, isCaching = false): Promise<Cold> {
    const cold = new Cold(isCaching);
    await cold.store.submit(create(), CONTEXT);
    for (const [key, value] of Object.entries(values)) await cold.store.submit(set(key, value), CONTEXT);
    return cold;
  }

  /** From here on reads of the log wait. */
  hold(): void {
    this.log.beforeRead = (place) => new Promise((goOn) => {
      this.held.push({ place, goOn });
    });
  }

  /** Lets all reads through that wait, and all that come. */
  letGo(): void {
    this.log.beforeRead = () => undefined;
    for (const { goOn } of this.held) goOn();
  }

  placeOf(key: string): ValuePlace {
    const value = this.store.values.get(key)?.value;
    assert.ok(typeof value === 'object', `the value of ${key} is not in memory`);
    return value;
  }

  textPlaceOf(key: string): TextPlace {
    const { file, offset, sizeBytes } = this.placeOf(key);
    return { segment: file, offset, sizeBytes };
  }

  /** Snapshot, move, take the files away: as a compaction does. */
  async compact(): Promise<void> {
    const { point, index } = await this.shelf.take(this.store);
    await this.store.reads.relocate(versionsInSnapshot(inGroups(index, 2), point.seq), touchedSinceSnapshot(() => false));
    await this.store.reads.settleReads();
    for (const seq of this.shelf.generations.keys()) if (seq < point.seq) this.shelf.generations.delete(seq);
    this.log.dropSegments(point.seq);
  }
}

function textsOf({ entries }: ReadPiece): unknown {
  return entries.map(([key, { value }]) => [key, value]);
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  void promise.then(() => { is = true; }, () => { is = true; });
  await settled();
  return is;
}

test('a value in memory is returned synchronously, one on disk as a promise, a missing key as undefined', async () => {
  const hot = await Cold.with({ a: '1' }, true);
  assert.deepEqual((readKey(hot.store, 'a') as LoadedEntry).value, '1');
  const cold = await Cold.with({ a: '"ü"' });
  assert.equal(readKey(cold.store, 'b'), undefined);
  const reading = readKey(cold.store, 'a');
  assert.ok(reading instanceof Promise);
  assert.deepEqual(await reading, { ...cold.store.values.get('a'), value: '"ü"' });
});

test('a cached value is returned synchronously', async () => {
  const log = new PlacedLog();
  const store = new ProjectStore({ log, model: new ProjectModel({ isCaching: false }) });
  await store.submit(create(), CONTEXT);
  await store.submit(set('a', '1'), CONTEXT);
  await readKey(store, 'a');
  await readKey(store, 'a');
  assert.equal((readKey(store, 'a') as LoadedEntry).value, '1');
  await store.submit(set('a', '2'), CONTEXT);
  assert.equal((await readKey(store, 'a'))?.value, '2');
  assert.equal(log.reads.length, 3);
});

test('a value that is replaced or deleted during the read is still the one that was looked up', async () => {
  const cold = await Cold.with({ a: '"old"', b: '"gone"' });
  cold.hold();
  const reading = [readKey(cold.store, 'a'), readKey(cold.store, 'b')];
  await cold.store.submit(set('a', '"new"'), CONTEXT);
  await cold.store.submit(remove('b'), CONTEXT);
  cold.letGo();
  assert.deepEqual((await Promise.all(reading)).map((entry) => [entry?.seq, entry?.value]), [[2, '"old"'], [3, '"gone"']]);
  assert.equal((await readKey(cold.store, 'a'))?.value, '"new"');
});

test('a piece of a listing is of one moment, whatever is written while it is read', async () => {
  const cold = await Cold.with({ a: '1', b: '2', c: '3', d: '4', e: '5', f: '6' });
  cold.hold();
  const reading = cold.store.reads.readPiece({}, 100);
  await cold.store.submit(set('f', '"late"'), CONTEXT);
  await cold.store.submit({ type: 'clear' }, CONTEXT);
  cold.letGo();
  assert.deepEqual(textsOf(await reading), [['a', '1'], ['b', '2'], ['c', '3'], ['d', '4'], ['e', '5'], ['f', '6']]);
});

test('few values of a piece are read at once', async () => {
  const cold = await Cold.with(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, '1'])));
  cold.hold();
  const reading = cold.store.reads.readPiece({}, 100);
  await settled();
  assert.equal(cold.held.length, 4);
  cold.letGo();
  assert.equal((await reading).entries.length, 20);
});

test('files are removed only after all earlier reads have ended, and later reads do not delay that', async () => {
  const cold = await Cold.with({ a: '1', b: '2', c: '3', d: '4' });
  cold.hold();
  const single = readKey(cold.store, 'a');
  const piece = cold.store.reads.readPiece({}, 100);
  await settled();
  const settling = cold.store.reads.settleReads();
  const later = readKey(cold.store, 'a');
  assert.equal(await isSettled(settling), false);
  cold.held[0]?.goOn();
  assert.equal(await isSettled(settling), false, 'the piece is still being read');
  // Everything but the read that began after the call.
  const latest = cold.held.findLast(({ place }) => place.segment === cold.placeOf('a').file && place.offset === cold.placeOf('a').offset);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of cold.held) if (one !== latest) one.goOn();
    await settled();
  }
  assert.equal(await isSettled(settling), true);
  assert.equal(await isSettled(Promise.resolve(later)), false);
  cold.letGo();
  await Promise.all([single, piece, later]);
});

test('a single read holds the files that it reads from', async () => {
  const cold = await Cold.with({ a: '1' });
  cold.hold();
  const reading = readKey(cold.store, 'a');
  const settling = cold.store.reads.settleReads();
  assert.equal(await isSettled(settling), false);
  cold.letGo();
  await settling;
  assert.equal((await reading)?.value, '1');
  await cold.store.reads.settleReads();
});

test('a read that fails ends its lease too', async () => {
  const cold = await Cold.with({ a: '1' });
  cold.hold();
  const reading = Promise.resolve(readKey(cold.store, 'a')).catch((error: unknown) => error);
  const settling = cold.store.reads.settleReads();
  await settled();
  cold.log.segments.clear();
  cold.letGo();
  await settling;
  assert.ok(isRefusal('project_corrupt')(await reading));
});

test('a value that is moved between look-up and load is read, whether its old file is still there or not', async () => {
  for (const isGone of [false, true]) {
    const cold = await Cold.with({ a: '1', b: '"two"' });
    cold.hold();
    const entry = cold.store.values.get('b');
    const piece = cold.store.reads.readPiece({}, 100);
    await settled();
    const { point, index } = await (async () => {
      cold.log.beforeRead = () => undefined;
      return await cold.shelf.take(cold.store);
    })();
    await cold.store.reads.relocate(versionsInSnapshot(inGroups(index, 10), point.seq), touchedSinceSnapshot(() => false));
    if (isGone) cold.log.segments.clear();
    cold.letGo();
    assert.deepEqual(textsOf(await piece), [['a', '1'], ['b', '"two"']]);
    assert.ok(entry !== undefined);
    assert.equal(await cold.store.reads.load('b', entry), '"two"');
    assert.equal(cold.store.reads.damagedReads, 0);
  }
});

test('a listing continues through compactions that remove files behind it', async () => {
  const keys = Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(3, '0')}`);
  const cold = await Cold.with(Object.fromEntries(keys.map((key) => [key, `"${key}"`])));
  const seen: unknown[] = [];
  for (let after: string | undefined; seen.length < keys.length;) {
    const [piece] = await Promise.all([cold.store.reads.readPiece(after === undefined ? {} : { after }, 7), cold.compact()]);
    seen.push(...piece.entries.map(([key, { value }]) => `${key}=${value}`));
    after = piece.entries.at(-1)?.[0];
    await cold.store.submit(set('k000', '"k000"'), CONTEXT);
  }
  assert.deepEqual(seen, keys.map((key) => `${key}="${key}"`));
  assert.ok(cold.log.segments.size <= 2 && cold.shelf.generations.size === 1);
});

test('a flipped bit is refused and counted, does not affect other keys, and the error does not contain the value', async () => {
  const cold = await Cold.with({ a: '"secret"', b: '2' });
  cold.log.damage(cold.textPlaceOf('a'));
  const error = await Promise.resolve(readKey(cold.store, 'a')).then(() => assert.fail('it was read'), (one: unknown) => one);
  assert.ok(error instanceof AppError && error.code === 'project_corrupt');
  assert.match(error.message, /seq 2 in the segment of seq 1 at byte \d+/);
  assert.doesNotMatch(error.message, /secre/);
  assert.equal((await readKey(cold.store, 'b'))?.value, '2');
  await assert.rejects(Promise.resolve(cold.store.reads.readPiece({}, 100)), isRefusal('project_corrupt'));
  assert.equal(cold.store.reads.damagedReads, 2);
  await cold.store.submit(set('a', '"new"'), CONTEXT);
  assert.equal((await readKey(cold.store, 'a'))?.value, '"new"');
});

test('a place in a snapshot that the store does not have is damage', async () => {
  const model = new ProjectModel({ isCaching: false });
  const store = new ProjectStore({ log: new PlacedLog(), model });
  await store.submit(create(), CONTEXT);
  model.values.apply({
    event: { op: 'set', key: 'a', value: '1' }, seq: 2, timeMs: 0, actor: '', hash: '0'.repeat(64),
    place: { segment: 1, offset: 1, sizeBytes: 9 },
  });
  const { sizeBytes, crc } = model.values.get('a')?.value as ValuePlace;
  model.values.relocate({ key: 'a', seq: 2, place: { file: -2, offset: 0, sizeBytes, crc } }, () => false);
  await assert.rejects(Promise.resolve(readKey(store, 'a')), isRefusal('project_corrupt'));
});

test('a piece has no more than 4 MiB of values, and one key at least, in memory or not', async () => {
  const value = (share: number): string => `"${'x'.repeat(PIECE_VALUE_BYTES_MAX * share - 2)}"`;
  const values = { a: value(2), b: value(0.5), c: value(0.5), d: '1', e: '2' };
  for (const isCaching of [true, false]) {
    const cold = await Cold.with(values, isCaching);
    const pieces: string[][] = [];
    for (let after: string | undefined, isLast = false; !isLast;) {
      const piece = await cold.store.reads.readPiece(after === undefined ? {} : { after }, 100);
      assert.equal(piece.doneCount, piece.entries.length);
      pieces.push(piece.entries.map(([key]) => key));
      after = piece.entries.at(-1)?.[0];
      isLast = piece.isLast;
    }
    assert.deepEqual(pieces, [['a'], ['b', 'c'], ['d', 'e']]);
    const { entries, doneCount, isLast } = await cold.store.reads.readKeys(['a', 'b']);
    assert.deepEqual([entries.map(([key]) => key), doneCount, isLast], [['a'], 1, false]);
    const rest = await cold.store.reads.readKeys(['missing', 'b', 'none', 'c']);
    assert.deepEqual([rest.entries.map(([key]) => key), rest.doneCount, rest.isLast], [['b', 'c'], 4, true]);
  }
});

test('a piece of the requested length may not be the last', async () => {
  const cold = await Cold.with({ a: '1', b: '2' }, true);
  const isLast = async (limit: number): Promise<boolean> => (await cold.store.reads.readPiece({}, limit)).isLast;
  assert.deepEqual([await isLast(1), await isLast(2), await isLast(3)], [false, false, true]);
  assert.deepEqual(await cold.store.reads.readPiece({ prefix: 'z' }, 1), { entries: [], doneCount: 0, isLast: true });
});

test.run();
