import assert from 'node:assert/strict';
import { randomHexId } from '../../src/base/random-id.js';
import { isRequestId, REQUEST_ID_CHARACTERS_MAX } from '../../src/http/request-id.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('request-id');

test('ids of our own are valid request ids', () => {
  const ids = Array.from({ length: 1000 }, () => randomHexId());
  for (const id of ids) assert.equal(isRequestId(id), true);
});

test('letters, digits and a few punctuation characters are accepted', () => {
  for (const text of ['a', '0', '01JABCXYZ', 'a.b_c:d@e/f+g=h-i', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']) {
    assert.equal(isRequestId(text), true, text);
  }
});

test('the empty text and text over the limit are not', () => {
  assert.equal(isRequestId(''), false);
  assert.equal(isRequestId('a'.repeat(REQUEST_ID_CHARACTERS_MAX)), true);
  assert.equal(isRequestId('a'.repeat(REQUEST_ID_CHARACTERS_MAX + 1)), false);
});

test('spaces, line ends, quotes, control and other characters are not, in any position', () => {
  for (const sign of [
    ' ', '\n', '\r', '\t', '\0', '"', '\\', '\u001b', '\u007f', '\u0085', '\u2028', 'é', '\u{1f600}', '\ud800', '<', '{', ',', ';',
  ]) {
    for (const text of [sign, `a${sign}`, `${sign}a`, `a${sign}a`]) assert.equal(isRequestId(text), false, JSON.stringify(text));
  }
});

test('an accepted id needs no escaping in JSON', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 6 }), (text) => {
    if (isRequestId(text)) assert.equal(JSON.stringify(text), `"${text}"`);
  }));
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '5', '.', '"', '\\', '\n', '/', '+') }), (text) => {
    if (isRequestId(text)) assert.equal(JSON.stringify(text), `"${text}"`);
  }));
});

test.run();
