import assert from 'node:assert/strict';
import { type RememberedRequest, RequestRecords, requestsIn } from '../../../src/projections/requests/request-records.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('request-records');

/** The nth request, of one of a few callers. */
function requestOf(seq: number, rest: Partial<RememberedRequest> = {}): RememberedRequest {
  const hash = seq.toString(16).padStart(64, '0');
  return { actor: 'anonymous', key: `k${seq}`, op: 'set', seq, timeMs: seq * 1000, hash, checksum: seq % 2 ** 32, count: 1, ...rest };
}

type Step = { readonly add: readonly [actor: number, key: number] } | { readonly drop: number } | { readonly clear: true };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.nat(2), fc.nat(40)).map((add) => ({ add })) },
  { weight: 3, arbitrary: fc.nat(20).map((drop) => ({ drop })) },
  { weight: 1, arbitrary: fc.constant({ clear: true as const }) },
);

test('records are found by actor and key, and dropped in their order, as in a plain list', () => {
  fc.assert(fc.property(fc.array(STEP, { maxLength: 300, size: 'max' }), (steps) => {
    const records = new RequestRecords();
    let plain: RememberedRequest[] = [];
    for (const [index, step] of steps.entries()) {
      if ('add' in step) {
        const [actor, key] = step.add;
        const request = requestOf(index + 1, { actor: `actor${actor}`, key: `k${key}`, op: index % 2 === 0 ? 'set' : 'batch' });
        records.add(request);
        plain.push(request);
      } else if ('clear' in step) {
        records.clear();
        plain = [];
      } else {
        for (let count = Math.min(step.drop, plain.length); count > 0; count -= 1) {
          records.dropOldest();
          plain.shift();
        }
      }
      assert.deepEqual([records.count, records.oldestMs, records.newestSeq], [plain.length, plain[0]?.timeMs, plain.at(-1)?.seq]);
    }
    assert.deepEqual([...requestsIn(records.keep())], plain);
    for (const actor of ['actor0', 'actor1', 'actor2', 'other']) {
      for (let key = 0; key <= 40; key += 1) {
        const found = records.find(actor, `k${key}`);
        assert.equal(found?.seq, plain.findLast((request) => request.actor === actor && request.key === `k${key}`)?.seq);
      }
    }
  }));
});

test('every member of a request is kept as it is', () => {
  const records = new RequestRecords();
  const request = requestOf(2 ** 53 - 1, {
    actor: `project:${'p'.repeat(63)}#0123456789abcdef`, key: 'x'.repeat(100), op: 'clear.range', hash: 'fe'.repeat(32),
    checksum: 2 ** 32 - 1, count: 2 ** 40, timeMs: -1,
  });
  records.add(request);
  assert.deepEqual([...requestsIn(records.keep())], [request]);
  const { actor: _, key: __, ...effect } = request;
  assert.deepEqual(records.find(request.actor, request.key), { ...effect, fingerprint: undefined });
  records.setFingerprint('0123456789abcdef');
  assert.equal(records.find(request.actor, request.key)?.fingerprint, '0123456789abcdef');
});

test('what was kept stays as it was', () => {
  const records = new RequestRecords();
  for (let seq = 1; seq <= 50; seq += 1) records.add(requestOf(seq, { actor: `actor${seq}` }));
  const kept = records.keep();
  const before = [...requestsIn(kept)];
  for (let seq = 1; seq <= 40; seq += 1) records.dropOldest();
  for (let seq = 51; seq <= 150; seq += 1) records.add(requestOf(seq, { actor: `other${seq}` }));
  assert.deepEqual([...requestsIn(kept)], before);
});

test('100,000 requests with keys of 36 characters use at most 200 bytes each, and give them back', () => {
  const records = new RequestRecords();
  for (let seq = 1; seq <= 100_000; seq += 1) records.add(requestOf(seq, { key: String(seq).padStart(36, '0') }));
  assert.ok(records.sizeBytes <= 200 * 100_000, String(records.sizeBytes));
  assert.equal(records.find('anonymous', '77777'.padStart(36, '0'))?.seq, 77_777);
  while (records.count > 0) records.dropOldest();
  assert.equal(records.sizeBytes, 0);
});

test.run();
