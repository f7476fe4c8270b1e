import assert from 'node:assert/strict';
import { HistoryRings } from '../../src/metrics/history-rings.js';
import { InvariantError } from '../../src/base/invariant.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('history-rings');
const STEPS = 5;

test('a ring has the last steps, and nothing where a step was left out or is not kept', () => {
  const step = fc.record({ skipped: fc.nat(7), value: fc.option(fc.nat(1000), { nil: undefined }) });
  fc.assert(fc.property(fc.nat(3), fc.array(step), fc.integer({ min: 1, max: STEPS }), fc.nat(3), (first, steps, count, later) => {
    const rings = new HistoryRings({ a: 'single', b: 'double' }, STEPS, first - 1);
    const model = new Map<number, number>();
    let newest = first - 1;
    for (const { skipped, value } of steps) {
      newest += 1 + skipped;
      rings.add(newest, value === undefined ? {} : { a: value, b: value });
      if (value !== undefined) model.set(newest, value);
    }
    const upTo = newest + later;
    const expected = Array.from({ length: count }, (_, index) => {
      const asked = upTo - count + 1 + index;
      return asked > newest - STEPS ? model.get(asked) ?? null : null;
    });
    assert.deepEqual(rings.read(upTo, count), { a: expected, b: expected });
  }));
});

test('a large number stays whole, and a share is rounded to what 4 bytes hold', () => {
  const rings = new HistoryRings({ bytes: 'double', share: 'single' }, STEPS, -1);
  rings.add(0, { bytes: 2 ** 52 + 1, share: 0.1 });
  assert.deepEqual(rings.read(0, 1), { bytes: [2 ** 52 + 1], share: [0.1] });
});

test('steps that go back are refused', () => {
  const rings = new HistoryRings({ a: 'single' }, STEPS, -1);
  rings.add(3, {});
  assert.throws(() => rings.add(3, {}), InvariantError);
});

test.run();
