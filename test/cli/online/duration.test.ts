/** Durations and counts as people write them. */
import assert from 'node:assert/strict';
import { parseCount, parseDuration } from '../../../src/cli/online/duration.js';
import { suite } from '../../suite.js';

const test = suite('cli/online/duration');

test('a duration is a number and a unit, or several', () => {
  const expected = { '1s': 1, '90s': 90, '15m': 900, '1h': 3600, '1h30m': 5400, '7d': 604_800, '2w': 1_209_600 };
  for (const [text, seconds] of Object.entries(expected)) assert.equal(parseDuration(text, '--ttl'), seconds, text);
});

test('anything else is refused with an example', () => {
  for (const text of ['', '1', 'h', '1 h', '-1h', '1.5h', '0s', '1y', '999999999w999999999w'.repeat(9)]) {
    assert.throws(() => parseDuration(text, '--ttl'), /for --ttl: expected a duration such as 90s/, text);
  }
});

test('a count is a whole number that is not too small', () => {
  assert.equal(parseCount('0', '--if-seq'), 0);
  assert.equal(parseCount('12', '--limit', 1), 12);
  for (const text of ['', '0', '-1', '1.5', '1e3', '9'.repeat(16)]) assert.throws(() => parseCount(text, '--limit', 1), /from 1 on/, text);
});

test.run();
