import assert from 'node:assert/strict';
import { KeyIndex } from '../../../src/projections/key-index/key-index.js';
import { TRICKY_CHARACTERS } from '../../events/arbitrary-events.js';
import { compareBytes, isWithin } from '../../events/plain-range.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('projections/key-index/range-reader');
const MANY = 200_000;
const key = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), minLength: 1, maxLength: 3 });
const expiry = fc.option(fc.integer({ min: 1, max: 9 }));
const bounds = fc.record({ prefix: key, start: key, end: key }, { requiredKeys: [], noNullPrototype: true });

function put(index: KeyIndex, one: string, seq: number, expiresAtMs: number | null): void {
  index.set(one, { value: JSON.stringify(one), seq, tag: seq, timeMs: seq, expiresAtMs });
}

test('a read that says what time it is sees the keys that have not expired by then, one that does not sees all', () => {
  const added = fc.uniqueArray(fc.tuple(key, expiry), { selector: ([one]) => one, maxLength: 60 });
  const asked = fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 12 }), fc.option(fc.nat({ max: 10 }), { nil: undefined }));
  fc.assert(fc.property(added, bounds, asked, (pairs, range, [reverse, limit, nowMs]) => {
    const index = new KeyIndex();
    for (const [at, [one, expiresAtMs]] of pairs.entries()) put(index, one, at + 1, expiresAtMs);
    const sign = reverse ? -1 : 1;
    const seen = pairs.filter(([one, expiresAtMs]) => isWithin(one, range) && (expiresAtMs ?? Infinity) > (nowMs ?? -1))
      .map(([one]) => one).sort((a, b) => sign * compareBytes(a, b));
    const first = seen.slice(0, limit);
    assert.deepEqual(index.keys({ ...range, reverse }, limit, nowMs), first);
    const slice = index.slice({ ...range, reverse }, limit, undefined, nowMs);
    assert.deepEqual([slice.entries.map(([one]) => one), slice.isLast], [first, seen.length < limit]);
    const members = index.members({ ...range, reverse }, limit, Infinity, nowMs);
    const text = first.map((one) => `,${JSON.stringify(one)}:${JSON.stringify(one)}`).join('');
    assert.equal(members?.write(Buffer.allocUnsafe).toString(), text);
    assert.deepEqual([members?.lastKey, members?.isLast], [first.at(-1), seen.length < limit]);
    assert.equal(index.countIn(range, nowMs), seen.length);
  }));
});

test('keys behind blocks of expired ones are found in either direction, and counted', () => {
  const index = new KeyIndex();
  for (let number = 0; number < 5000; number += 1) put(index, `k${number + 10_000}`, number + 1, number % 2500 === 1250 ? null : 7);
  const left = ['k11250', 'k13750'];
  assert.deepEqual(index.keys({}, 9, 7), left);
  assert.deepEqual(index.keys({ reverse: true }, 9, 7), left.toReversed());
  assert.deepEqual(index.keys({ reverse: true }, 1, 7), ['k13750']);
  assert.deepEqual([index.countIn({}, 7), index.countIn({ prefix: 'k11' }, 7), index.countIn({ end: 'k13750' }, 7)], [2, 1, 1]);
  assert.deepEqual([index.countIn({}, 6), index.countIn({}), index.countIn({ prefix: 'k11' })], [5000, 5000, 1000]);
});

test('two hundred thousand expired keys are passed over within milliseconds', () => {
  const index = new KeyIndex();
  for (let number = 0; number < MANY; number += 1) put(index, `k${String(number).padStart(6, '0')}`, number + 1, 7);
  put(index, 'z', MANY + 1, null);
  while (!index.isSorted) index.sortSome();
  const startedMs = performance.now();
  assert.deepEqual(index.keys({}, 1, 7), ['z']);
  assert.deepEqual([index.countIn({}, 7), index.countIn({ start: 'k1' }, 7)], [1, 1]);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 200, `${tookMs} ms`);
});

test.run();
