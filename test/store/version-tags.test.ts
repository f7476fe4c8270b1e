/** Conditions on a version together with its tag, also within the turn that makes it. */
import assert from 'node:assert/strict';
import { versionTag } from '../../src/events/key-version.js';
import { PreconditionFailedError } from '../../src/store/precondition-failed.js';
import { suite } from '../suite.js';
import { CONTEXT, remove, set, storeInMemory } from './created-store.js';

const test = suite('store: version tags');

test('a version has the beginning of its receipt for its tag, and a condition on both holds', async () => {
  const store = await storeInMemory();
  const { seq, hash = '' } = await store.submit(set('a'), CONTEXT);
  const tag = versionTag(hash);
  assert.deepEqual([store.values.versionOf('a'), store.values.tagOf('a'), store.values.get('a')?.tag], [seq, tag, tag]);
  await store.submit(set('a', '2', { kind: 'match', seq, tag }), CONTEXT);
  assert.equal(store.values.get('a')?.value, '2');
});

test('a condition on the seq of a version and the tag of another line does not hold, and says so', async () => {
  const store = await storeInMemory();
  const { seq, hash = '' } = await store.submit(set('a'), CONTEXT);
  const tag = versionTag(hash) === 0 ? 1 : 0;
  for (const command of [set('a', '2', { kind: 'match', seq, tag }), remove('a', { kind: 'match', seq, tag })]) {
    const refusal = await store.submit(command, CONTEXT).catch((error: unknown) => error);
    assert.ok(refusal instanceof PreconditionFailedError);
    assert.match(refusal.message, /made by another line of the log/);
    assert.deepEqual([refusal.facts, refusal.current], [{ current_seq: seq }, { seq, tag: versionTag(hash) }]);
  }
});

test('within a turn a version matches its seq and no tag, and a refusal that rests on it knows the tag once it is written', async () => {
  const store = await storeInMemory();
  const [first, byTag, bySeq, stale] = await Promise.all([
    store.submit(set('a', '1'), CONTEXT),
    store.submit(set('a', '2', { kind: 'match', seq: 2, tag: 0 }), CONTEXT).catch((error: unknown) => error),
    store.submit(set('a', '3', { kind: 'match', seq: 2 }), CONTEXT),
    store.submit({ type: 'batch', steps: [{ op: 'check', key: 'a', precondition: { kind: 'match', seq: 2 } }] }, CONTEXT)
      .catch((error: unknown) => error),
  ]);
  assert.deepEqual([first.seq, bySeq.seq], [2, 3]);
  assert.ok(byTag instanceof PreconditionFailedError && stale instanceof PreconditionFailedError);
  assert.deepEqual(byTag.current, { seq: 2, tag: versionTag(first.hash ?? '') });
  assert.deepEqual(stale.current, { seq: 3, tag: versionTag(bySeq.hash ?? '') });
  assert.deepEqual(stale.facts, { op_index: 0, key: 'a', current_seq: 3 });
});

test('a refusal for a key that does not exist has no version', async () => {
  const store = await storeInMemory();
  const refusal = await store.submit(set('a', '1', { kind: 'match' }), CONTEXT).catch((error: unknown) => error);
  assert.ok(refusal instanceof PreconditionFailedError);
  assert.deepEqual([refusal.current, refusal.facts], [undefined, { current_seq: 0 }]);
});

test.run();
