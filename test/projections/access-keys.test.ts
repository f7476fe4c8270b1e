import assert from 'node:assert/strict';
import { type AccessEvent, isAccessEvent } from '../../src/events/access-event.js';
import { AccessKeys, REMOVED_KEYS_MAX } from '../../src/projections/access-keys.js';
import { arbitraryEvent } from '../events/arbitrary-events.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('access-keys');

const ONE = '1111111111111111';
const TWO = '2222222222222222';
const NOON = '2026-11-22T12:00:00.000Z';
const ADD_ONE = { op: 'access.add', key_id: ONE, name: 'wall', permissions: ['read'], not_before: null, expires_at: null } as const;

function replayed(events: readonly AccessEvent[]): AccessKeys {
  const keys = new AccessKeys();
  for (const [index, event] of events.entries()) keys.apply(event, { seq: index + 1, timeMs: (index + 1) * 1000 });
  return keys;
}

test('without an event there is no key, and nothing to save', () => {
  const keys = new AccessKeys();
  assert.deepEqual([keys.keyIds, keys.lastSeq, keys.save(), keys.get(ONE), keys.removedSeq(ONE)], [[], 0, undefined, undefined, undefined]);
});

test('a key is known from its addition to its removal', () => {
  const keys = replayed([ADD_ONE, { op: 'access.change', key_id: ONE, name: 'hall', expires_at: NOON }]);
  const record = { name: 'hall', permissions: ['read'], notBefore: null, expiresAt: NOON, addedMs: 1000 };
  assert.deepEqual([keys.get(ONE), keys.keyIds, keys.lastSeq], [record, [ONE], 2]);
  keys.apply({ op: 'access.remove', key_id: ONE }, { seq: 9, timeMs: 9 });
  assert.deepEqual([keys.get(ONE), keys.keyIds, keys.removedSeq(ONE), keys.lastSeq], [undefined, [], 9, 9]);
});

test('a rotation adds a key, and the previous one expires', () => {
  const rotate = { ...ADD_ONE, op: 'access.rotate', key_id: TWO, previous_key_id: ONE, previous_expires_at: NOON } as const;
  const keys = replayed([ADD_ONE, rotate]);
  assert.deepEqual([keys.get(ONE)?.expiresAt, keys.get(TWO)?.expiresAt, keys.get(TWO)?.addedMs], [NOON, null, 2000]);
});

test('a removed key that is added again is no longer removed', () => {
  const keys = replayed([ADD_ONE, { op: 'access.remove', key_id: ONE }, ADD_ONE]);
  assert.deepEqual([keys.removedSeq(ONE), keys.keyIds], [undefined, [ONE]]);
});

test('events of unknown keys change nothing but the last seq', () => {
  const keys = replayed([{ op: 'access.change', key_id: ONE, name: 'a', expires_at: null }]);
  assert.deepEqual([keys.keyIds, keys.lastSeq], [[], 1]);
});

test('only the newest removed keys are remembered', () => {
  const keys = new AccessKeys();
  const idOf = (index: number): string => String(index).padStart(16, '0');
  for (let index = 1; index <= REMOVED_KEYS_MAX + 1; index += 1) {
    keys.apply({ op: 'access.remove', key_id: idOf(index) }, { seq: index, timeMs: 0 });
  }
  assert.deepEqual([keys.removedSeq(idOf(1)), keys.removedSeq(idOf(2))], [undefined, 2]);
});

test('a saved state goes on as the keys that it was saved of', () => {
  const events = fc.array(arbitraryEvent, { maxLength: 30 }).map((all) => all.filter(isAccessEvent));
  fc.assert(fc.property(events, events, (before, after) => {
    const whole = replayed([...before, ...after]);
    const saved = replayed(before).save();
    const restored = new AccessKeys();
    if (saved !== undefined) assert.ok(restored.restore(JSON.parse(JSON.stringify(saved))));
    for (const [index, event] of after.entries()) {
      const seq = before.length + index + 1;
      restored.apply(event, { seq, timeMs: seq * 1000 });
    }
    assert.deepEqual(restored.save(), whole.save());
  }));
});

test('what is no saved state is not restored', () => {
  const keys = new AccessKeys();
  for (const saved of [null, {}, { seq: 0, keys: [], removed: [] }, { seq: 1, keys: [{}], removed: [] }]) {
    assert.equal(keys.restore(saved), false);
  }
  assert.equal(keys.lastSeq, 0);
});

test.run();
