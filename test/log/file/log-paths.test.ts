import assert from 'node:assert/strict';
import {
  isOwnName, isSnapshotName, LogPaths, sealedSegmentsIn, segmentName,
} from '../../../src/log/file/log-paths.js';
import { parseSnapshotName, snapshotName } from '../../../src/projections/snapshot/snapshot-names.js';
import { suite } from '../../suite.js';

const test = suite('log-paths');

test('every path of a project derives from its name', () => {
  const paths = new LogPaths('/d', 'p');
  assert.deepEqual(
    [
      paths.active, paths.snapshot, paths.folder, paths.head, paths.next, paths.probe, paths.inFolder('x'), paths.shown('x'),
      paths.activeName,
    ],
    ['/d/p.jsonl', '/d/p.json', '/d/p', '/d/p/head', '/d/p/next', '/d/p/probe', '/d/p/x', 'p/x', 'p.jsonl'],
  );
});

test('a name that could leave the folder is a defect of the caller', () => {
  for (const project of ['', '.', '..', '.a', 'a/b', 'a\\b', 'a\0b']) {
    assert.throws(() => new LogPaths('/d', project), { name: 'InvariantError' }, project);
  }
});

test('sealed segments are sorted by seq and distinguished from all other names', () => {
  assert.equal(segmentName(42), '00000000000000000042.jsonl');
  const others = ['head', 'next', '42.jsonl', 'x00000000000000000042.jsonl', '00000000000000000042.json'];
  const names = [segmentName(100), ...others, segmentName(9), segmentName(20)];
  assert.deepEqual(sealedSegmentsIn(names), [9, 20, 100].map((firstSeq) => ({ firstSeq, isCompressed: false })));
});

test('the names that this program writes into a project\'s folder are distinguished from all others', () => {
  const parts = ['json', 'index', 'manifest', 'manifest-new', 'copy-new', 'link-new', 'run-1', 'run-12'] as const;
  const snapshots = parts.map((part) => snapshotName(7, part));
  for (const name of snapshots) assert.ok(parseSnapshotName(name) !== undefined && isSnapshotName(name) && isOwnName(name), name);
  const others = [segmentName(1), segmentName(1, true), 'next', 'head', 'head.tmp', 'compressing', 'probe', 'torn-7-1200-1'];
  for (const name of others) assert.ok(isOwnName(name) && !isSnapshotName(name), name);
  const foreign = [
    'important.txt', 'head.bak', 'Head', 'torn-7', 'torn-7-1200-1.txt', '1.jsonl', `${segmentName(1)}.bak`, `${segmentName(1)}.gz.tmp`,
    'snap-1.json', `${snapshots[0] ?? ''}.bak`, 'snap-00000000000000000007.txt', 'snap-', '.head', 'lost+found',
  ];
  for (const name of foreign) assert.ok(!isOwnName(name) && parseSnapshotName(name) === undefined, name);
});

test('a segment is listed once, as plain if it exists in both forms', () => {
  const names = [segmentName(1), segmentName(1, true), segmentName(5, true), 'x.gz', segmentName(9), segmentName(9, true), 'head'];
  assert.equal(segmentName(5, true), '00000000000000000005.jsonl.gz');
  const doubled = { isCompressed: false, isDoubled: true };
  const expected = [{ firstSeq: 1, ...doubled }, { firstSeq: 5, isCompressed: true }, { firstSeq: 9, ...doubled }];
  for (const order of [names, names.toReversed()]) assert.deepEqual(sealedSegmentsIn(order), expected);
});

test.run();
