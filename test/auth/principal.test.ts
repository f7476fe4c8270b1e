import assert from 'node:assert/strict';
import { stateAt } from '../../src/auth/principal.js';
import { suite } from '../suite.js';

const test = suite('principal');

test('a key without times always works', () => {
  assert.equal(stateAt(null, 0), 'active');
});

test('a key works from its first millisecond to the one before its last', () => {
  const window = { notBeforeMs: 10, expiresAtMs: 20 };
  assert.deepEqual([9, 10, 19, 20].map((nowMs) => stateAt(window, nowMs)), ['not_yet', 'active', 'active', 'expired']);
});

test.run();
