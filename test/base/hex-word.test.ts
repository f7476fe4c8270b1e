import assert from 'node:assert/strict';
import { hexWord, wordInBytes, wordOfText } from '../../src/base/hex-word.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('base/hex-word');

test('a word is written with 8 digits, and read from the beginning of a text and anywhere in bytes', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (word) => {
    const text = hexWord(word);
    assert.equal(text, `0000000${word.toString(16)}`.slice(-8));
    assert.deepEqual([wordOfText(text), wordOfText(`${text}ff`), wordInBytes(Buffer.from(`"${text}"`), 1)], [word, word, word]);
  }));
});

test('anything but 8 digits in lower case is no word', () => {
  for (const text of ['', '0', '0000000', '0000000g', '0000000A', ' 0000000', '-0000000', '0000000é', '０0000000', '000000.0']) {
    assert.deepEqual([wordOfText(text), wordInBytes(Buffer.from(text), 0)], [undefined, undefined], text);
  }
});

test.run();
