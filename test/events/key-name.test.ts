import assert from 'node:assert/strict';
import { findKeyFault, KEY_BYTES_LIMIT } from '../../src/events/key-name.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('key-name');

test('any text of 1 to 1,024 bytes without control characters is a valid key', () => {
  for (const key of [
    'a', ' ', '.', '..', '/', 'a/b', '%2F', '"', '\\', '\u00a0', '\u2028', '\ufeff', 'e\u0301', 'é', '\u202e', '\u{1f600}', '\uffff',
    '\u{10ffff}', '__proto__',
  ]) {
    assert.equal(findKeyFault(key), undefined, JSON.stringify(key));
  }
});

test('the empty text is not', () => {
  assert.equal(findKeyFault(''), 'empty');
});

test('the length counts bytes of UTF-8, not characters', () => {
  for (const [character, bytes] of [['a', 1], ['é', 2], ['\u20ac', 3], ['\u{1f600}', 4]] as const) {
    const longest = character.repeat(Math.floor(KEY_BYTES_LIMIT / bytes));
    assert.equal(findKeyFault(longest), undefined, `${longest.length} of ${bytes} bytes`);
    assert.equal(findKeyFault(longest + character), 'too_long', `one more of ${bytes} bytes`);
  }
});

test('the configuration can lower the limit', () => {
  assert.equal(findKeyFault('é', 2), undefined);
  assert.equal(findKeyFault('é', 1), 'too_long');
});

test('every control character is rejected, and none of their neighbours', () => {
  for (let code = 0; code <= 0x100; code += 1) {
    const isControl = code <= 0x1f || (code >= 0x7f && code <= 0x9f);
    const character = String.fromCharCode(code);
    assert.equal(findKeyFault(`a${character}b`), isControl ? 'control_character' : undefined, `U+${code.toString(16)}`);
    assert.equal(findKeyFault(character), isControl ? 'control_character' : undefined, `U+${code.toString(16)} alone`);
  }
});

test('a lone surrogate is rejected in any position; a pair is a character', () => {
  for (const lone of ['\ud800', '\udbff', '\udc00', '\udfff']) {
    for (const key of [lone, `a${lone}`, `${lone}a`, `\u{1f600}${lone}`, `\udc00${lone}`]) {
      assert.equal(findKeyFault(key), 'not_well_formed', JSON.stringify(key));
    }
  }
  assert.equal(findKeyFault('\ud83d\ude00'), undefined);
});

test('a valid key survives encoding', () => {
  const unit = fc.oneof(fc.constantFrom('\ud800', '\udc00', '\u0085'), fc.string({ unit: 'binary', maxLength: 1 }));
  fc.assert(fc.property(fc.string({ unit }), (key) => {
    const survives = Buffer.from(key).toString() === key;
    if (findKeyFault(key) === undefined) assert.ok(survives);
    if (!survives) assert.notEqual(findKeyFault(key), undefined);
  }));
});

test.run();
