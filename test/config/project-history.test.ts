import assert from 'node:assert/strict';
import { InvariantError } from '../../src/base/invariant.js';
import { historyOf, type ProjectHistory, type SettingsVersion } from '../../src/config/project-history.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { suite } from '../suite.js';

const test = suite('project-history');

function version(seq: number): SettingsVersion {
  return { seq, settings: BUILT_IN_SETTINGS, keyId: `key ${seq}` };
}

function seqAt(history: ProjectHistory, revision: number): number | 'unknown' | undefined {
  const found = history.at(revision);
  return typeof found === 'object' ? found.seq : found;
}

test('first and newest are the ends of the list', () => {
  const history = historyOf([version(1), version(5), version(9)]);
  assert.deepEqual([history.first.seq, history.newest.seq], [1, 9]);
  const single = historyOf([version(4)]);
  assert.deepEqual([single.first.seq, single.newest.seq], [4, 4]);
});

test('at() gives the version in force at a seq', () => {
  const history = historyOf([version(3), version(5), version(9)]);
  const rows: readonly [number, number | undefined][] = [[1, undefined], [2, undefined], [3, 3], [4, 3], [5, 5], [8, 5], [9, 9], [1000, 9]];
  for (const [revision, expected] of rows) assert.equal(seqAt(history, revision), expected, String(revision));
});

test('versions that a trimmed list lacks are unknown, except one that was looked up', () => {
  const versions = [version(3), version(50), version(60)];
  const rows: readonly [number, number | 'unknown' | undefined][] = [
    [2, undefined], [3, 3], [4, 'unknown'], [20, 20], [49, 'unknown'], [50, 50], [55, 50], [70, 60],
  ];
  const history = historyOf(versions, { isTrimmed: true, recalled: version(20) });
  for (const [revision, expected] of rows) assert.equal(seqAt(history, revision), expected, String(revision));
  assert.equal(seqAt(historyOf(versions, { isTrimmed: true }), 20), 'unknown');
});

test('an empty list and one out of order are defects', () => {
  assert.throws(() => historyOf([]), InvariantError);
  assert.throws(() => historyOf([version(2), version(1)]), InvariantError);
  assert.throws(() => historyOf([version(2), version(2)]), InvariantError);
});

test.run();
