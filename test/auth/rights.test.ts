import assert from 'node:assert/strict';
import { PERMISSIONS } from '../../src/api/permissions.js';
import { ALL_RIGHTS, bitOf, rightsOf } from '../../src/auth/rights.js';
import { suite } from '../suite.js';

const test = suite('rights');

test('every permission has a bit of its own', () => {
  assert.equal(new Set(PERMISSIONS.map(bitOf)).size, PERMISSIONS.length);
  assert.equal(PERMISSIONS.reduce((bits, permission) => bits | bitOf(permission), 0), ALL_RIGHTS);
});

test('"all" stands for every permission, and all others together are less', () => {
  assert.equal(rightsOf(['all']), ALL_RIGHTS);
  const others = rightsOf(PERMISSIONS.filter((permission) => permission !== 'all'));
  assert.equal(others & bitOf('all'), 0);
  assert.equal(others | bitOf('all'), ALL_RIGHTS);
  assert.equal(rightsOf([]), 0);
});

test.run();
