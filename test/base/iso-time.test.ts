import assert from 'node:assert/strict';
import { isoTime } from '../../src/base/iso-time.js';
import { suite } from '../suite.js';

const test = suite('iso-time');

test('each time has its own text, also after another one', () => {
  for (const timeMs of [0, 1, 1, 1_790_000_000_123, 0, 1_790_000_000_124]) assert.equal(isoTime(timeMs), new Date(timeMs).toISOString());
  assert.throws(() => isoTime(NaN), RangeError);
});

test.run();
