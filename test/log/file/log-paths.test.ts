import assert from 'node:assert/strict';
import { compressedName, doubledNames, LogPaths, sealedSegmentNames, segmentName } from '../../../src/log/file/log-paths.js';
import { suite } from '../../suite.js';

const test = suite('log-paths');

test('everything of a project lies beside its name', () => {
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

test('sealed segments sort by seq and are told from everything else', () => {
  assert.equal(segmentName(42), '00000000000000000042.jsonl');
  const others = ['head', 'next', '42.jsonl', 'x00000000000000000042.jsonl', '00000000000000000042.json'];
  const names = [segmentName(100), ...others, segmentName(9), segmentName(20)];
  assert.deepEqual(sealedSegmentNames(names), [9, 20, 100].map((firstSeq) => ({ firstSeq, isCompressed: false })));
});

test('a segment is there once, as plain where it is there in both forms', () => {
  const names = [segmentName(1), compressedName(1), compressedName(5), 'x.gz', segmentName(9), compressedName(9), 'head'];
  assert.equal(compressedName(5), '00000000000000000005.jsonl.gz');
  const expected = [{ firstSeq: 1, isCompressed: false }, { firstSeq: 5, isCompressed: true }, { firstSeq: 9, isCompressed: false }];
  for (const order of [names, names.toReversed()]) {
    assert.deepEqual(sealedSegmentNames(order), expected);
    assert.deepEqual([...doubledNames(order)].sort(), [compressedName(1), compressedName(9)]);
  }
});

test.run();
