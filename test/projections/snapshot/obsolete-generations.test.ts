import assert from 'node:assert/strict';
import { obsoleteGenerations } from '../../../src/projections/snapshot/obsolete-generations.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/obsolete-generations');
const gone = (seqs: readonly number[], keepBase: boolean, base = 0): number[] => (
  obsoleteGenerations(seqs.map((seq) => ({ seq, isBase: seq === base })), keepBase).map(({ seq }) => seq)
);

test('the newest two are kept, whatever the order of the list', () => {
  assert.deepEqual(gone([], false), []);
  assert.deepEqual(gone([1], false), []);
  assert.deepEqual(gone([1, 2], false), []);
  assert.deepEqual(gone([3, 1, 5, 2], false), [1, 2]);
  assert.deepEqual(gone([5, 3, 2, 1], false), [1, 2]);
});

test('a base is kept on request', () => {
  assert.deepEqual(gone([1, 2, 3, 4], true, 1), [2]);
  assert.deepEqual(gone([1, 2, 3, 4], false, 1), [1, 2]);
  assert.deepEqual(gone([1, 2], true, 1), []);
});

test.run();
