/** Deletions of a range: atomic, counted exactly, and without a line where there is nothing to delete. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { KeyRange } from '../../src/events/key-range.js';
import type { ClearLimits, Command } from '../../src/store/command.js';
import { suite } from '../suite.js';
import { CONTEXT, remove, set, storeInMemory, storeOnScript } from './created-store.js';
import { settled } from './scripted-log.js';

const test = suite('store: clear.range');

function clear(range: KeyRange, limits: ClearLimits = {}): Command {
  return { type: 'clear.range', range, ...limits };
}

test('the keys of the range are gone together, and the others stay', async () => {
  const store = await storeInMemory();
  for (const key of ['a', 'b/1', 'b/2', 'c']) await store.submit(set(key), CONTEXT);
  const { seq, count, hash } = await store.submit(clear({ prefix: 'b/' }), CONTEXT);
  assert.deepEqual([seq, count, store.seq, store.hash], [6, 2, 6, hash]);
  assert.deepEqual([store.values.keys({}, 9), store.values.get('b/1')], [['a', 'c'], undefined]);
});

test('a range without keys, and a dry run, leave no line', async () => {
  const store = await storeInMemory();
  await store.submit(set('a'), CONTEXT);
  for (const [command, count] of [
    [clear({ prefix: 'b' }), 0], [clear({ start: 'b', end: 'a' }), 0], [clear({ prefix: 'a' }, { isDryRun: true }), 1],
    [{ type: 'clear', isDryRun: true }, 1],
  ] as const) {
    const result = await store.submit(command, CONTEXT);
    assert.deepEqual([result.seq, result.hash, result.count], [2, undefined, count], JSON.stringify(command));
  }
  assert.deepEqual([store.seq, store.values.count], [2, 1]);
});

test('another number of keys than the expected one refuses it, also in a dry run and for all keys', async () => {
  const store = await storeInMemory();
  for (const key of ['a/1', 'a/2', 'b']) await store.submit(set(key), CONTEXT);
  const refused: readonly (readonly [Command, number, number])[] = [
    [clear({ prefix: 'a/' }, { expectCount: 3 }), 3, 2], [clear({ prefix: 'a/' }, { expectCount: 0, isDryRun: true }), 0, 2],
    [clear({ prefix: 'x' }, { expectCount: 1 }), 1, 0], [{ type: 'clear', expectCount: 2 }, 2, 3],
  ];
  for (const [command, expected, actual] of refused) {
    const refusal = await store.submit(command, CONTEXT).catch((error: unknown) => error);
    assert.ok(refusal instanceof AppError && refusal.code === 'precondition_failed', JSON.stringify(command));
    assert.deepEqual(refusal.facts, { expected, actual });
  }
  assert.equal(store.values.count, 3);
  assert.equal((await store.submit(clear({ prefix: 'a/' }, { expectCount: 2 }), CONTEXT)).count, 2);
  assert.equal((await store.submit({ type: 'clear', expectCount: 1 }, CONTEXT)).count, 1);
});

test('commands that are queued around it are decided before and after it', async () => {
  const { store, log } = await storeOnScript();
  const all = Promise.all([
    set('a/1'), set('b'), clear({ prefix: 'a/' }, { expectCount: 1 }), set('a/2'), remove('b'), clear({ start: 'a' }),
  ].map((command) => store.submit(command, CONTEXT)));
  for (let turn = 0; turn < 4; turn += 1) {
    await settled();
    await log.letThrough();
  }
  assert.deepEqual((await all).map(({ seq }) => seq), [2, 3, 4, 5, 6, 7]);
  assert.deepEqual(log.batches, [['set', 'set'], ['clear.range'], ['set', 'delete'], ['clear.range']]);
  assert.equal(store.values.count, 0);
});

test('a read of held keys still has the values that a range deletion took', async () => {
  const store = await storeInMemory();
  for (const key of ['a/1', 'b']) await store.submit(set(key, JSON.stringify(key)), CONTEXT);
  const held = store.reads.hold(['a/1', 'b']);
  await store.submit(clear({ prefix: 'a/' }), CONTEXT);
  const { entries } = await held.read(0, () => undefined);
  assert.deepEqual(entries.map(([key, { value }]) => [key, value]), [['a/1', '"a/1"'], ['b', '"b"']]);
  held.release();
});

test.run();
