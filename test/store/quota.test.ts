/** Quotas of keys and bytes, decided in the turn. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { BUILT_IN_SETTINGS, type QuotaSettings } from '../../src/events/project-settings.js';
import type { Command } from '../../src/store/command.js';
import { ratesIn, refuseOverQuota } from '../../src/store/quota.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';
import { CONTEXT, remove, set, storeInMemory, storeOnScript, submitWatched } from './created-store.js';

const test = suite('quota');

function limit(quota: Partial<QuotaSettings>): Command {
  return { type: 'project.update', change: { quota } };
}

async function storeWith(quota: Partial<QuotaSettings>): Promise<ProjectStore> {
  const store = await storeInMemory();
  await store.submit(limit(quota), CONTEXT);
  return store;
}

/** Submits commands at once, which then share a turn. */
async function outcomes(store: ProjectStore, commands: readonly Command[]): Promise<unknown[]> {
  const watched = commands.map((command) => submitWatched(store, command));
  await Promise.all(watched.map(({ settled }) => settled));
  return watched.map(({ outcome }) => outcome);
}

async function factsOf(store: ProjectStore, command: Command): Promise<unknown> {
  try {
    await store.submit(command, CONTEXT);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof AppError);
    return { code: error.code, ...error.facts };
  }
}

test('as many keys as the quota allows are created, and not one more', async () => {
  const store = await storeWith({ max_keys: 2 });
  assert.deepEqual(await outcomes(store, [set('a'), set('b'), set('c'), set('a', '"longer"')]), ['done', 'done', 'quota_exceeded', 'done']);
  assert.deepEqual(await factsOf(store, set('c')), { code: 'quota_exceeded', quota: 'max_keys', limit: 2, actual: 3 });
  assert.deepEqual(await outcomes(store, [remove('a'), set('c'), set('d')]), ['done', 'done', 'quota_exceeded']);
  assert.deepEqual(store.values.keys({}, 9), ['b', 'c']);
});

test('keys and values take as many bytes of UTF-8 as the quota allows, and not one more', async () => {
  const store = await storeWith({ max_bytes: 20 });
  // 2 + 8 bytes.
  assert.equal(await factsOf(store, set('ü', '"äöü"')), undefined);
  assert.deepEqual(await factsOf(store, set('b', '"12345678"')), { code: 'quota_exceeded', quota: 'max_bytes', limit: 20, actual: 21 });
  assert.equal(await factsOf(store, set('b', '"1234567"')), undefined);
  assert.equal(store.values.contentBytes, 20);
  assert.deepEqual(await factsOf(store, set('b', '"12345678"')), { code: 'quota_exceeded', quota: 'max_bytes', limit: 20, actual: 21 });
  assert.deepEqual(await outcomes(store, [set('b', '"7654321"'), set('b', '1'), set('c', '2')]), ['done', 'done', 'done']);
  assert.equal(store.values.contentBytes, 14);
});

test('of many writers in one turn, exactly those get through for whom there is room', async () => {
  const store = await storeWith({ max_keys: 100, max_bytes: 600 });
  const found = await outcomes(store, Array.from({ length: 500 }, (_, index) => set(`k${index % 250}`.padEnd(5, '.'), '123')));
  // Each key and value takes 8 bytes: there is room for 75 of them. The second half sets the same keys again.
  assert.equal(found.filter((outcome) => outcome === 'done').length, 2 * 75);
  assert.ok(found.every((outcome) => outcome === 'done' || outcome === 'quota_exceeded'));
  assert.deepEqual([store.values.count, store.values.contentBytes], [75, 600]);
});

test('a batch is judged by what it leaves: it passes or fails as a whole', async () => {
  const store = await storeWith({ max_keys: 3, max_bytes: 30 });
  await store.submit(set('a', '"1234567"'), CONTEXT);
  const steps = (...all: (readonly [string, string | undefined])[]): Command => ({
    type: 'batch', steps: all.map(([key, value]) => (value === undefined ? { op: 'delete', key } : { op: 'set', key, value })),
  });
  assert.deepEqual(await factsOf(store, steps(['b', '1'], ['c', '1'], ['d', '1'])), {
    code: 'quota_exceeded', quota: 'max_keys', limit: 3, actual: 4,
  });
  assert.deepEqual(await factsOf(store, steps(['b', '"1234567890"'], ['c', '"123456"'])), {
    code: 'quota_exceeded', quota: 'max_bytes', limit: 30, actual: 32,
  });
  assert.deepEqual([store.values.count, store.values.contentBytes], [1, 10]);
  assert.equal(await factsOf(store, steps(['b', '1'], ['c', '1'], ['d', '1'], ['a', undefined])), undefined);
  assert.equal(await factsOf(store, steps(['e', '"of much more than thirty bytes"'], ['e', '1'], ['b', undefined])), undefined);
  assert.deepEqual([store.values.keys({}, 9), store.values.contentBytes], [['c', 'd', 'e'], 6]);
});

test('under a quota that was lowered below what is there, what does not grow passes', async () => {
  const store = await storeInMemory();
  await outcomes(store, [set('a', '"1234"'), set('b', '"1234"'), set('c', '"1234"')]);
  await store.submit(limit({ max_keys: 1, max_bytes: 3 }), CONTEXT);
  assert.deepEqual(await outcomes(store, [
    set('a', '"4321"'), set('a', '"123"'), set('a', '"1234"'), set('d'), remove('b'), { type: 'clear.range', range: { prefix: 'c' } },
  ]), ['done', 'done', 'quota_exceeded', 'quota_exceeded', 'done', 'done']);
  assert.deepEqual([store.values.keys({}, 9), store.values.contentBytes], [['a'], 6]);
  assert.deepEqual(await outcomes(store, [{ type: 'clear' }, set('a', '12'), set('b', '1')]), ['done', 'done', 'quota_exceeded']);
});

test('a quota of nothing lets nothing be created', async () => {
  for (const quota of [{ max_keys: 0 }, { max_bytes: 0 }]) {
    assert.deepEqual(await outcomes(await storeWith(quota), [set('a'), { type: 'clear' }]), ['quota_exceeded', 'done']);
  }
});

test('commands that are queued when the quota changes are decided by the quota at their turn', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('a', '"123"'));
  while (log.inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
  const queued = [
    set('b', '"123"'), limit({ max_bytes: 13 }), set('c', '1'), set('d', '1'), limit({ max_bytes: null }), set('e', '"1234567"'),
  ].map((command) => submitWatched(store, command));
  await log.letThrough();
  await first.settled;
  await log.letThrough();
  await Promise.all(queued.map(({ settled }) => settled));
  assert.deepEqual(queued.map(({ outcome }) => outcome), ['done', 'done', 'quota_exceeded', 'quota_exceeded', 'done', 'done']);
  assert.deepEqual(store.values.keys({}, 9), ['a', 'b', 'e']);
});

test('a quota that comes ahead of the queue holds for all that is queued', async () => {
  const store = await storeInMemory();
  const release = await store.hold();
  const queued = [set('a'), set('b')].map((command) => submitWatched(store, command));
  await store.submitHeld(limit({ max_keys: 1 }), CONTEXT);
  release();
  await Promise.all(queued.map(({ settled }) => settled));
  assert.deepEqual(queued.map(({ outcome }) => outcome), ['done', 'quota_exceeded']);
});

test('a failed precondition is answered before a quota, and a refusal leaves no line', async () => {
  const store = await storeWith({ max_keys: 0 });
  const { seq } = store;
  assert.deepEqual(await outcomes(store, [set('a', '1', { kind: 'match' }), set('a'), remove('a')]), [
    'precondition_failed', 'quota_exceeded', 'key_not_found',
  ]);
  assert.equal(store.seq, seq);
});

test('without settings nothing is limited, and rates without a limit are none', () => {
  const contents = { settings: undefined, keyCount: 9, contentBytes: 99, versionOf: () => 0, valueBytesOf: () => 0 };
  assert.equal(refuseOverQuota(contents, { op: 'set', key: 'a', value: '1' }), undefined);
  const { quota } = BUILT_IN_SETTINGS;
  assert.equal(ratesIn(undefined), undefined);
  assert.equal(ratesIn({ quota: { ...quota, reads_per_second: null, writes_per_second: null } }), undefined);
  assert.equal(ratesIn({ quota: { ...quota, reads_per_second: 5, writes_per_second: null } })?.reads_per_second, 5);
});

test.run();
