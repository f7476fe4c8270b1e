import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isRequestId, newRequestId, REQUEST_ID_CHARACTERS_MAX } from '../../src/base/request-id.js';
import { suite } from '../suite.js';

const test = suite('request-id');

test('a new id is 32 hexadecimal digits, fit to be taken over, and never the same', () => {
  const ids = Array.from({ length: 1000 }, () => newRequestId());
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(isRequestId(id), true);
  }
  assert.equal(new Set(ids).size, ids.length);
});

test('letters, digits and a few signs are taken over', () => {
  for (const text of ['a', '0', '01JABCXYZ', 'a.b_c:d@e/f+g=h-i', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']) {
    assert.equal(isRequestId(text), true, text);
  }
});

test('the empty text and what is too long are not', () => {
  assert.equal(isRequestId(''), false);
  assert.equal(isRequestId('a'.repeat(REQUEST_ID_CHARACTERS_MAX)), true);
  assert.equal(isRequestId('a'.repeat(REQUEST_ID_CHARACTERS_MAX + 1)), false);
});

test('blanks, line ends, quotes, control and other characters are not, wherever they stand', () => {
  for (const sign of [
    ' ', '\n', '\r', '\t', '\0', '"', '\\', '\u001b', '\u007f', '\u0085', '\u2028', 'é', '\u{1f600}', '\ud800', '<', '{', ',', ';',
  ]) {
    for (const text of [sign, `a${sign}`, `${sign}a`, `a${sign}a`]) assert.equal(isRequestId(text), false, JSON.stringify(text));
  }
});

test('whatever is taken over stands in JSON as it is', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 6 }), (text) => {
    if (isRequestId(text)) assert.equal(JSON.stringify(text), `"${text}"`);
  }), { numRuns: 2000 });
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '5', '.', '"', '\\', '\n', '/', '+') }), (text) => {
    if (isRequestId(text)) assert.equal(JSON.stringify(text), `"${text}"`);
  }), { numRuns: 2000 });
});

test.run();
