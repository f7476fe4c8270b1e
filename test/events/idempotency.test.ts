import assert from 'node:assert/strict';
import { idempotencyKeyIn, isIdempotencyKey } from '../../src/events/idempotency.js';
import { isRequestId } from '../../src/http/request-id.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('idempotency');

test('a key is 1 to 100 characters of those of a request id', () => {
  for (const key of ['a', 'x'.repeat(100), '0b1e0c1c-5d7c-4c0b-9a53-0e7d3a1f2b3c', '._:@/+=-']) assert.ok(isIdempotencyKey(key), key);
  for (const key of ['', 'x'.repeat(101), 'a b', 'a"', 'ä', 'a,b', 'a\n']) assert.ok(!isIdempotencyKey(key), key);
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
    assert.equal(isIdempotencyKey(text), isRequestId(text) && text.length <= 100);
  }));
});

test('the id of a request has a key only after its mark', () => {
  assert.equal(idempotencyKeyIn('idem:order-7'), 'order-7');
  assert.equal(idempotencyKeyIn('idem:idem:x'), 'idem:x');
  for (const id of ['', 'idem:', 'idem', 'order-7', 'Idem:x', 'xidem:x', 'idem:a b', `idem:${'x'.repeat(101)}`]) {
    assert.equal(idempotencyKeyIn(id), undefined, id);
  }
});

test.run();
