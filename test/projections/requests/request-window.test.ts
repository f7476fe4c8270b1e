import assert from 'node:assert/strict';
import { type RememberedRequest, requestsIn } from '../../../src/projections/requests/request-records.js';
import { RequestBudget } from '../../../src/projections/requests/request-budget.js';
import { RequestWindow } from '../../../src/projections/requests/request-window.js';
import { suite } from '../../suite.js';

const test = suite('request-window');

function requestAt(seq: number, timeMs = seq): RememberedRequest {
  return { actor: 'a', key: `k${seq}`, op: 'set', seq, timeMs, hash: '0'.repeat(64), checksum: 0, count: 0 };
}

function windowOf({ ageMsMax = 1000, requestsMax = 1000, budget = new RequestBudget(1e9) } = {}): RequestWindow {
  return new RequestWindow({ ageMsMax, requestsMax, budget });
}

test('a request is remembered for its time, and not a millisecond longer', () => {
  const window = windowOf({ ageMsMax: 100 });
  window.add(requestAt(1, 5000));
  assert.equal(window.find('a', 'k1', 5099)?.seq, 1);
  assert.equal(window.find('a', 'k1', 5100), undefined);
  // The clock of the lines went back: it is not too old.
  assert.equal(window.find('a', 'k1', 0)?.seq, 1);
  assert.equal(window.find('b', 'k1', 5000), undefined);
});

test('the next request makes those that are too old give up their memory, and so does a snapshot', () => {
  const window = windowOf({ ageMsMax: 100 });
  for (let seq = 1; seq <= 10; seq += 1) window.add(requestAt(seq, seq * 10));
  window.add(requestAt(11, 150));
  assert.equal(window.count, 6);
  assert.deepEqual([...requestsIn(window.save(190))].map(({ seq }) => seq), [10, 11]);
  assert.equal(window.count, 2);
});

test('beyond the number of a project, the oldest are forgotten', () => {
  const window = windowOf({ requestsMax: 3 });
  for (let seq = 1; seq <= 5; seq += 1) window.add(requestAt(seq));
  assert.deepEqual([...requestsIn(window.save(5))].map(({ seq }) => seq), [3, 4, 5]);
});

test('only the newest request gets a fingerprint', () => {
  const window = windowOf();
  const fingerprint = '01'.repeat(8);
  window.setFingerprint(1, fingerprint);
  window.add(requestAt(1));
  window.setFingerprint(2, fingerprint);
  assert.equal(window.find('a', 'k1', 1)?.fingerprint, undefined);
  window.setFingerprint(1, fingerprint);
  assert.equal(window.find('a', 'k1', 1)?.fingerprint, fingerprint);
});

test('when memory is short, the project with the most forgets its oldest, and the others keep theirs', () => {
  const budget = new RequestBudget(200_000);
  const [large, small] = [windowOf({ budget, requestsMax: 1e6 }), windowOf({ budget, requestsMax: 1e6 })];
  for (let seq = 1; seq <= 10; seq += 1) small.add(requestAt(seq));
  for (let seq = 1; seq <= 3000; seq += 1) {
    large.add(requestAt(seq));
    assert.ok(budget.bytes <= 200_000);
  }
  assert.equal(small.count, 10);
  assert.ok(large.count > 500 && large.count < 1100, String(large.count));
  assert.equal(large.find('a', 'k3000', 3000)?.seq, 3000);
  assert.equal(budget.bytes, small.sizeBytes + large.sizeBytes);
  large.clear();
  assert.equal(budget.bytes, small.sizeBytes);
});

test('without memory nothing is remembered, and nothing goes wrong', () => {
  const window = windowOf({ budget: new RequestBudget(1) });
  window.add(requestAt(1));
  window.setFingerprint(1, '0'.repeat(16));
  assert.deepEqual([window.count, window.find('a', 'k1', 1)], [0, undefined]);
});

test('a memory that becomes smaller makes the project with the most forget at once', () => {
  const budget = new RequestBudget(1e9);
  const [large, small] = [windowOf({ budget, requestsMax: 1e6 }), windowOf({ budget, requestsMax: 1e6 })];
  for (let seq = 1; seq <= 10; seq += 1) small.add(requestAt(seq));
  for (let seq = 1; seq <= 3000; seq += 1) large.add(requestAt(seq));
  budget.resize(200_000);
  assert.ok(budget.bytes <= 200_000);
  assert.deepEqual([small.count, large.find('a', 'k3000', 3000)?.seq], [10, 3000]);
  assert.ok(large.count < 1100);
});

test.run();
