import assert from 'node:assert/strict';
import { generateApiKey, isGeneratedKey, looksGenerated } from '../../src/auth/api-key.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('api-key');

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_';

test('generateApiKey() gives the documented shape for both kinds', () => {
  assert.match(generateApiKey('global'), /^skv_g_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
  assert.match(generateApiKey('project'), /^skv_p_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
});

test('every generated key is recognised, and no two are equal', () => {
  const keys = Array.from({ length: 500 }, (_, index) => generateApiKey(index % 2 === 0 ? 'global' : 'project'));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.every((key) => isGeneratedKey(key) && looksGenerated(key)));
});

test('every digit of the random part varies', () => {
  const keys = Array.from({ length: 400 }, () => generateApiKey('project'));
  // The first of the 43 digits holds the highest of 256 bits and is small; all others cover the whole alphabet.
  for (let place = 1; place < 43; place += 1) {
    const seen = new Set(keys.map((key) => key.charAt('skv_p_'.length + place)));
    assert.ok(seen.size > 30, `place ${place} takes ${seen.size} values`);
  }
});

test('the checksum is the CRC-32 of the text before it, in base 62', () => {
  assert.ok(isGeneratedKey('skv_g_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg_4CSNvK'));
});

test('changing any one character is detected, although the shape still matches', () => {
  const property = fc.property(fc.nat(1000), fc.constantFrom(...ALPHABET), (position, replacement) => {
    const key = generateApiKey('project');
    const place = position % key.length;
    fc.pre(key.charAt(place) !== replacement);
    const changed = key.slice(0, place) + replacement + key.slice(place + 1);
    assert.equal(isGeneratedKey(changed), false);
  });
  fc.assert(property);
});

test('swapping two adjacent characters is detected', () => {
  for (let run = 0; run < 50; run += 1) {
    const key = generateApiKey('global');
    const place = 6 + (run % 40);
    const [left = '', right = ''] = [key.charAt(place), key.charAt(place + 1)];
    if (left === right) continue;
    assert.equal(isGeneratedKey(key.slice(0, place) + right + left + key.slice(place + 2)), false);
  }
});

test('a changed key still looks generated, so a typo can be reported', () => {
  const key = generateApiKey('global');
  const changed = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  assert.equal(looksGenerated(changed), true);
  assert.equal(isGeneratedKey(changed), false);
});

test('other texts neither look generated nor are generated', () => {
  const key = generateApiKey('global');
  for (const text of ['', 'skv_', 'correct horse battery staple', `${key}\n`, ` ${key}`, key.slice(1), `${key}0`, key.toUpperCase()]) {
    assert.equal(looksGenerated(text), false, JSON.stringify(text));
    assert.equal(isGeneratedKey(text), false, JSON.stringify(text));
  }
});

test.run();
