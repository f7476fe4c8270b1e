import assert from 'node:assert/strict';
import { countText } from '../../src/base/count-text.js';
import { suite } from '../suite.js';

const test = suite('base/count-text');

test('countText() is singular for one and plural otherwise', () => {
  assert.deepEqual([0, 1, 2, 11].map((count) => countText(count, 'line')), ['0 lines', '1 line', '2 lines', '11 lines']);
});

test.run();
