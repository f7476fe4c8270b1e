/** Values that go out of memory and come back into it, while others write. */
import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import type { IndexEntry } from '../../src/projections/snapshot/snapshot.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { touchedSinceSnapshot, versionsInSnapshot } from '../../src/projections/value-place.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, set } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';
import { inGroups, SnapshotShelf } from './snapshot-shelf.js';
import { readKey } from './read-key.js';

const test = suite('project-reads: caching');

const KEYS = Array.from({ length: 2500 }, (_, index) => `k${String(index).padStart(5, '0')}`);

interface Parts {
  readonly store: ProjectStore;
  readonly log: PlacedLog;
  readonly shelf: SnapshotShelf;
}

async function storeWith(keys: readonly string[], isCaching: boolean): Promise<Parts> {
  const log = new PlacedLog({ linesPerSegment: 500 });
  const shelf = new SnapshotShelf();
  const model = new ProjectModel({ isCaching });
  // Nothing is remembered, so that each read goes to where the value lies.
  const store = new ProjectStore({ log, model, readSnapshotValue: shelf.readValue, cache: new ValueCache(1) });
  await store.submit(create(), CONTEXT);
  await Promise.all(keys.map((key) => store.submit(set(key, `"${key}"`), CONTEXT)));
  return { store, log, shelf };
}

async function textsOf(store: ProjectStore, keys: readonly string[]): Promise<(string | undefined)[]> {
  return await Promise.all(keys.map(async (key) => (await readKey(store, key))?.value));
}

test('all values are loaded, also those written meanwhile, and nothing is read from disk afterwards', async () => {
  const { store, log } = await storeWith(KEYS, false);
  assert.equal(store.values.placedCount, KEYS.length);
  store.setCaching(true);
  assert.equal(store.isCaching, true);
  const loading = store.reads.loadAll();
  await Promise.all([loading, store.submit(set('k00000', '"new"'), CONTEXT), store.submit(set('k02499', '"last"'), CONTEXT)]);
  assert.equal(store.values.placedCount, 0);
  log.segments.clear();
  assert.deepEqual(await textsOf(store, ['k00000', 'k00001', 'k02499']), ['"new"', '"k00001"', '"last"']);
});

test('the event loop is free while values are loaded and while they are moved', async () => {
  const { store, shelf } = await storeWith(KEYS, false);
  const { index, point } = await shelf.take(store);
  let rounds = 0;
  let isOver = false;
  const count = (): void => {
    rounds += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await store.reads.relocate(versionsInSnapshot(inGroups(index, KEYS.length), point.seq), touchedSinceSnapshot(() => false));
  assert.ok(rounds >= 3, `${rounds} rounds for three slices`);
  rounds = 0;
  store.setCaching(true);
  await store.reads.loadAll();
  isOver = true;
  assert.ok(rounds >= 3, `${rounds} rounds for three slices`);
});

test('loading ends on abort, and loaded values stay', async () => {
  const { store } = await storeWith(KEYS, false);
  store.setCaching(true);
  const controller = new AbortController();
  const loading = store.reads.loadAll(controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(loading, /enough/);
  assert.equal(store.values.placedCount, KEYS.length - 1000);
  await store.reads.loadAll();
  assert.equal(store.values.placedCount, 0);
});

test('loading ends when caching is switched off; no more values are loaded', async () => {
  const { store, log } = await storeWith(KEYS, false);
  log.beforeRead = () => new Promise((resolve) => {
    setImmediate(resolve);
  });
  store.setCaching(true);
  const loading = store.reads.loadAll();
  await settled();
  store.setCaching(false);
  await loading;
  assert.ok(store.values.placedCount > KEYS.length / 2);
  assert.deepEqual(await textsOf(store, ['k00000', 'k02499']), ['"k00000"', '"k02499"']);
  await assert.rejects(store.reads.loadAll(), InvariantError);
});

test('values that moved to disk behind the walk, while caching was off briefly, are loaded too', async () => {
  const { store, log } = await storeWith(KEYS, false);
  log.beforeRead = async () => {
    if (log.reads.length !== 2000) return;
    store.setCaching(false);
    await store.submit(set('a', '"behind"'), CONTEXT);
    store.setCaching(true);
  };
  store.setCaching(true);
  await store.reads.loadAll();
  assert.equal(store.values.placedCount, 0);
  assert.deepEqual(await textsOf(store, ['a', 'k00000', 'k02499']), ['"behind"', '"k00000"', '"k02499"']);
});

test('loading a damaged value fails; reads of the others continue', async () => {
  const { store, log } = await storeWith(['a', 'b'], false);
  const value = store.values.get('a')?.value;
  assert.ok(typeof value === 'object');
  log.damage({ segment: value.file, offset: value.offset, sizeBytes: value.sizeBytes });
  store.setCaching(true);
  await assert.rejects(store.reads.loadAll(), isRefusal('project_corrupt'));
  assert.deepEqual(await textsOf(store, ['b']), ['"b"']);
  assert.equal(store.reads.damagedReads, 1);
});

test('files are not removed while values are loaded from them', async () => {
  const { store, log } = await storeWith(['a'], false);
  const goOn: (() => void)[] = [];
  log.beforeRead = () => new Promise((resolve) => {
    goOn.push(resolve);
  });
  store.setCaching(true);
  const loading = store.reads.loadAll();
  await settled();
  let isOver = false;
  const settling = store.reads.settleReads().then(() => {
    isOver = true;
  });
  await settled();
  assert.deepEqual([isOver, goOn.length], [false, 1]);
  goOn[0]?.();
  await Promise.all([loading, settling]);
});

test('without caching, a snapshot removes texts from memory, except for keys that have changed since', async () => {
  const { store, shelf, log } = await storeWith(KEYS, true);
  store.setCaching(false);
  const { index, point } = await shelf.take(store);
  await store.submit(set('k00001', '"newer"'), CONTEXT);
  await store.submit({ type: 'delete', key: 'k00002' }, CONTEXT);
  await store.reads.relocate(versionsInSnapshot(inGroups(index, 700), point.seq), touchedSinceSnapshot(() => false));
  assert.equal(store.values.placedCount, KEYS.length - 1);
  log.dropSegments(point.seq);
  assert.deepEqual(await textsOf(store, ['k00000', 'k00001', 'k00002', 'k00003']), ['"k00000"', '"newer"', undefined, '"k00003"']);
  assert.equal(shelf.readCount, 2);
});

test('with caching and everything in memory, a snapshot moves nothing and its index is not even read', async () => {
  const { store } = await storeWith(['a'], true);
  let isRead = false;
  const entries = (async function* (): AsyncGenerator<readonly IndexEntry[]> {
    isRead = true;
    yield await Promise.resolve([{ key: 'a', seq: 2, tag: 0, timeMs: 0, expiresAtMs: null, offset: 0, sizeBytes: 3, crc: 0 }]);
  })();
  await store.reads.relocate(versionsInSnapshot(entries, 2), touchedSinceSnapshot(() => false));
  assert.equal(isRead, false);
  assert.equal(store.values.get('a')?.value, '"a"');
});

test('with caching, values that are still on disk are relocated', async () => {
  const { store, shelf, log } = await storeWith(['a', 'b'], false);
  store.setCaching(true);
  await store.submit(set('c', '"c"'), CONTEXT);
  const { index, point } = await shelf.take(store);
  await store.reads.relocate(versionsInSnapshot(inGroups(index, 1), point.seq), touchedSinceSnapshot(() => false));
  log.segments.clear();
  await store.reads.loadAll();
  assert.deepEqual(await textsOf(store, ['a', 'b', 'c']), ['"a"', '"b"', '"c"']);
});

test.run();
