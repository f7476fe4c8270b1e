import assert from 'node:assert/strict';
import { expireEvents } from '../../src/store/expired-keys.js';
import { suite } from '../suite.js';

const test = suite('expired-keys');

function countsOf(keys: readonly string[]): readonly number[] {
  return expireEvents(keys).map((event) => {
    assert.equal(event.op, 'expire');
    return event.op === 'expire' ? event.keys.length : 0;
  });
}

test('a line has at most a thousand keys', () => {
  const keys = Array.from({ length: 2500 }, (_, number) => `k${number}`);
  assert.deepEqual(countsOf(keys), [1000, 1000, 500]);
  assert.deepEqual(expireEvents(keys).flatMap((event) => (event.op === 'expire' ? event.keys : [])), keys);
});

test('a line has at most 64 KiB of names, counted in bytes', () => {
  const keys = Array.from({ length: 130 }, (_, number) => `${'ü'.repeat(510)}${String(number).padStart(4, '0')}`);
  assert.deepEqual(countsOf(keys), [64, 64, 2]);
});

test('no key makes no line', () => {
  assert.deepEqual(expireEvents([]), []);
});

test.run();
