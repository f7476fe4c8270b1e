import assert from 'node:assert/strict';
import { InvariantError } from '../../../src/base/invariant.js';
import { parseSnapshotName, snapshotName } from '../../../src/projections/snapshot/snapshot-names.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/snapshot-names');

test('a name has the seq in twenty digits, so that names sort like seqs', () => {
  assert.equal(snapshotName(42, 'json'), 'snap-00000000000000000042.json');
  assert.ok(snapshotName(9, 'index') < snapshotName(10, 'index'));
  assert.equal(snapshotName(Number.MAX_SAFE_INTEGER, 'manifest'), 'snap-00009007199254740991.manifest');
});

test('parsing inverts formatting', () => {
  for (const part of ['json', 'index', 'manifest', 'manifest-new', 'link-new', 'run-1', 'run-33'] as const) {
    assert.deepEqual(parseSnapshotName(snapshotName(7, part)), { seq: 7, part });
  }
});

test('other names are not parsed', () => {
  const foreign = [
    'head', '00000000000000000001.jsonl', 'snap-1.json', 'snap-00000000000000000001.json.gz', 'snap-00000000000000000001', 'snap-notes.txt',
    'snap-00000000000000000000.json', 'snap-99999999999999999999.json', 'xsnap-00000000000000000001.json', 'snap-00000000000000000001.run-',
  ];
  for (const name of foreign) assert.equal(parseSnapshotName(name), undefined, name);
});

test('seq 0 has no name', () => {
  for (const seq of [0, -1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => snapshotName(seq, 'json'), InvariantError);
});

test.run();
