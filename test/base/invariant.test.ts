import assert from 'node:assert/strict';
import { invariant, InvariantError } from '../../src/base/invariant.js';
import { suite } from '../suite.js';

const test = suite('invariant');

test('invariant() returns if the condition holds', () => {
  assert.doesNotThrow(() => invariant(true, 'this is not seen'));
});

test('invariant() throws an InvariantError with the assumption if it does not', () => {
  assert.throws(() => invariant(false, 'seq counts from 1'), (error) => {
    assert.ok(error instanceof InvariantError);
    assert.equal(error.name, 'InvariantError');
    assert.equal(error.message, 'Broken invariant: seq counts from 1');
    return true;
  });
});

test('invariant() narrows types', () => {
  const found = ['a'].at(0);
  invariant(found !== undefined, 'there is a first');
  assert.equal(found.length, 1);
});

test.run();
