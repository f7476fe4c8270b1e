import assert from 'node:assert/strict';
import { invariant, InvariantError } from '../../src/base/invariant.js';
import { suite } from '../suite.js';

const test = suite('invariant');

test('what holds passes in silence', () => {
  assert.doesNotThrow(() => invariant(true, 'this is not seen'));
});

test('what does not hold throws an error of its own class that says what was assumed', () => {
  assert.throws(() => invariant(false, 'seq counts from 1'), (error) => {
    assert.ok(error instanceof InvariantError);
    assert.equal(error.name, 'InvariantError');
    assert.equal(error.message, 'Broken invariant: seq counts from 1');
    return true;
  });
});

test('after it the compiler knows what holds', () => {
  const found = ['a'].at(0);
  invariant(found !== undefined, 'there is a first');
  assert.equal(found.length, 1);
});

test.run();
