import assert from 'node:assert/strict';
import { ChangedBytes } from '../../src/projections/changed-bytes.js';
import { suite } from '../suite.js';

const test = suite('changed-bytes');

test('without a snapshot, bytes are counted from the beginning', () => {
  const changed = new ChangedBytes();
  changed.add(5);
  changed.add(0);
  changed.add(7);
  assert.equal(changed.count, 12);
  assert.throws(() => changed.add(-1));
});

test('a snapshot subtracts the bytes that it covers, not those added while it was built', () => {
  const changed = new ChangedBytes();
  changed.add(5);
  changed.mark(1);
  changed.add(7);
  changed.mark(2);
  changed.add(100);
  changed.noteSnapshot(2);
  assert.equal(changed.count, 100);
  changed.noteSnapshot(1);
  assert.equal(changed.count, 100, 'an older snapshot gives nothing back');
});

test('a snapshot of a seq without a mark changes nothing', () => {
  const changed = new ChangedBytes();
  changed.add(5);
  changed.noteSnapshot(1);
  assert.equal(changed.count, 5);
});

test('only the newest marks are kept', () => {
  const changed = new ChangedBytes();
  for (let seq = 1; seq <= 20; seq += 1) {
    changed.add(1);
    changed.mark(seq);
  }
  changed.noteSnapshot(4);
  assert.equal(changed.count, 20);
  changed.noteSnapshot(5);
  assert.equal(changed.count, 15);
});

test.run();
