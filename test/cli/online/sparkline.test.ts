/** Lines of bars. */
import assert from 'node:assert/strict';
import { sparkline } from '../../../src/cli/online/sparkline.js';
import { suite } from '../../suite.js';

const test = suite('cli/online/sparkline');

test('the largest sample fills its column, and a missing one leaves it free', () => {
  assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), '▁▂▃▄▅▆▇█');
  assert.equal(sparkline([4, null, 8], 8), '▅ █');
  assert.equal(sparkline([0, 0], 8), '▁▁');
  assert.equal(sparkline([], 8), '');
});

test('more samples than columns are put together, and no peak is lost', () => {
  const samples = Array.from({ length: 720 }, (_, index) => (index === 100 ? 50 : 1));
  const drawn = sparkline(samples, 60);
  assert.equal(drawn.length, 60);
  assert.equal([...drawn].filter((bar) => bar === '█').length, 1);
});

test.run();
