/** A few keys of two states, found in the log: what is found there, and when the states have to be built instead. */
import assert from 'node:assert/strict';
import { MemoryLog } from '../../src/log/memory-log.js';
import { MemoryState } from '../../src/projects/past/memory-state.js';
import type { BatchStep } from '../../src/store/command.js';
import { changedKeys, type FewKeysSearch, namedKeys } from '../../src/store/few-keys.js';
import type { ProjectStore } from '../../src/store/project-store.js';
import { redactedLineOf } from '../../src/store/redacted-line.js';
import { suite } from '../suite.js';
import { CONTEXT, isRefusal, remove, set, storeInMemory } from './created-store.js';

const test = suite('store/few-keys');

const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
const HOUR = { kind: 'after', seconds: 3600 } as const;
const ALL = (): boolean => true;

function search(store: ProjectStore, to: number, seq = store.seq): FewKeysSearch {
  return { store, seq, to, admit: () => undefined, nextTurn: () => Promise.resolve() };
}

/** The versions and values of the keys in both states, as they were found, and as they are where the states are built. */
async function bothWays(store: ProjectStore, to: number, seq = store.seq): Promise<readonly [found: unknown, built: unknown]> {
  const few = await changedKeys(search(store, to, seq), ALL);
  assert.ok(few);
  const stateAt = async (at: number): Promise<MemoryState> => (await MemoryState.build(store.feed, at, new AbortController().signal)).state;
  const whole = { before: await stateAt(seq), after: await stateAt(to) };
  const contents = async (pair: typeof few.pair): Promise<unknown> => {
    const found = [];
    for (const state of [pair.before, pair.after]) {
      for (const key of few.keys) {
        const entry = await state.get(key);
        found.push(entry && [key, entry.seq, entry.tag, entry.timeMs, entry.expiresAtMs, (await state.load([entry]))[0]]);
      }
    }
    return found;
  };
  return [await contents(few.pair), await contents(whole)];
}

async function redact(store: ProjectStore, seq: number): Promise<void> {
  const line = redactedLineOf(await store.feed.lineAt(seq));
  assert.ok(line);
  await store.submit({ type: 'redact', reason: 'asked', lines: [line] }, CONTEXT);
}

test('many changed keys are searched together, back to what set, touched, deleted or cleared them', async () => {
  const store = await storeInMemory();
  await store.submit(set('k0', '"cleared"'), CONTEXT);
  await store.submit({ type: 'clear' }, CONTEXT);
  for (const key of KEYS.slice(1)) await store.submit(set(key, `"old ${key}"`), CONTEXT);
  await store.submit({ type: 'clear.range', range: { prefix: 'k1' } }, CONTEXT);
  await store.submit(remove('k2'), CONTEXT);
  await store.submit({ type: 'batch', steps: [{ op: 'touch', key: 'k3', expiry: HOUR }] }, CONTEXT);
  const to = store.seq;
  const steps: BatchStep[] = KEYS.map((key) => (key === 'k4' ? { op: 'touch', key, expiry: HOUR } : { op: 'set', key, value: '"new"' }));
  await store.submit({ type: 'batch', steps }, CONTEXT);
  const [found, built] = await bothWays(store, to);
  assert.deepEqual(found, built);
});

test('a key that was only touched has the value that it had before', async () => {
  const store = await storeInMemory();
  await store.submit(set('k0', '"kept"'), CONTEXT);
  await store.submit({ type: 'batch', steps: [{ op: 'touch', key: 'k0', expiry: HOUR }] }, CONTEXT);
  const [found, built] = await bothWays(store, 2);
  assert.deepEqual(found, built);
});

test('more than four named keys are not searched one by one', async () => {
  const store = await storeInMemory();
  assert.deepEqual((await namedKeys(search(store, 0), KEYS.slice(0, 4)))?.keys, KEYS.slice(0, 4));
  assert.equal(await namedKeys(search(store, 0), KEYS.slice(0, 5)), undefined);
});

test('more than a thousand lines between the states are not read, nor more than 8 MiB of values', async () => {
  const store = await storeInMemory();
  for (let number = 0; number <= 1000; number += 1) await store.submit(set('k0', String(number)), CONTEXT);
  assert.deepEqual((await changedKeys(search(store, store.seq - 1000), ALL))?.keys, ['k0']);
  assert.equal(await changedKeys(search(store, store.seq - 1001), ALL), undefined);
  const { seq } = store;
  for (let number = 0; number < 9; number += 1) await store.submit(set(`k${number}`, `"${'x'.repeat(1_000_000)}"`), CONTEXT);
  assert.equal(await changedKeys(search(store, seq), ALL), undefined);
  assert.equal((await changedKeys(search(store, seq + 1), ALL))?.keys.length, 8);
});

test('a log that begins after the earlier state does not tell what the keys were', async () => {
  const store = await storeInMemory();
  for (const key of KEYS) await store.submit(set(key), CONTEXT);
  const { seq, hash } = store;
  const release = await store.hold();
  store.replaceLog(new MemoryLog({ project: 'alpha', logId: 'f'.repeat(32), base: { seq, hash } }));
  release();
  await store.submit(set('k0', '2'), CONTEXT);
  assert.equal(await namedKeys(search(store, seq - 1), ['k0']), undefined);
  assert.equal(await changedKeys(search(store, seq), ALL), undefined);
  for (const key of KEYS) await store.submit(set(key, '2'), CONTEXT);
  assert.equal(await changedKeys(search(store, seq), ALL), undefined);
});

test('a value that was erased since is not given, in whichever way it is found', async () => {
  const store = await storeInMemory();
  for (const key of KEYS) await store.submit(set(key, '"old"'), CONTEXT);
  const to = store.seq;
  for (const key of KEYS) await store.submit(set(key, '"new"'), CONTEXT);
  const between = store.seq;
  for (const key of KEYS) await store.submit(set(key, '"now"'), CONTEXT);
  await redact(store, to);
  await redact(store, between);
  const few = await changedKeys(search(store, to, between), ALL);
  assert.ok(few);
  for (const [state, seq] of [[few.pair.before, between], [few.pair.after, to]] as const) {
    const [erased, other] = [await state.get('k5'), await state.get('k4')];
    assert.ok(erased && other);
    assert.equal(erased.seq, seq);
    await assert.rejects(state.load([other, erased]), { code: 'value_redacted', facts: { seq } });
    assert.deepEqual(await state.load([other]), [seq === to ? '"old"' : '"new"']);
  }
  await assert.rejects(namedKeys(search(store, to), ['k5']), isRefusal('value_redacted'));
});

test.run();
