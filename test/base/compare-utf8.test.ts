import assert from 'node:assert/strict';
import { compareUtf8 } from '../../src/base/compare-utf8.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('compare-utf8');

/** Short texts of characters at which UTF-16 order and UTF-8 order could differ, so that prefixes are shared. */
const touchy = fc.string({
  unit: fc.constantFrom('a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'), maxLength: 4,
});
const text = fc.oneof(touchy, fc.string({ unit: 'binary' }));

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

test('any two texts compare as their UTF-8 encodings do', () => {
  fc.assert(fc.property(text, text, (a, b) => {
    assert.equal(Math.sign(compareUtf8(a, b)), compareBytes(a, b));
  }));
});

test('the ends of the private use area sort below every character beyond U+FFFF', () => {
  for (const low of ['\ue000', '\uf8ff', '\uffff']) {
    for (const high of ['\u{10000}', '\u{1f600}', '\u{10ffff}']) {
      assert.ok(compareUtf8(low, high) < 0, `${JSON.stringify(low)} before ${JSON.stringify(high)}`);
      assert.ok(compareUtf8(high, low) > 0, `${JSON.stringify(high)} after ${JSON.stringify(low)}`);
    }
  }
});

test('the last character below the surrogates sorts below those above them', () => {
  assert.ok(compareUtf8('\ud7ff', '\ue000') < 0);
  assert.ok(compareUtf8('\ud7ff', '\u{10000}') < 0);
});

test('a text sorts after each of its prefixes', () => {
  assert.ok(compareUtf8('', 'a') < 0);
  assert.ok(compareUtf8('a', 'a\u{10000}') < 0);
  assert.ok(compareUtf8('a\ue000', 'a') > 0);
});

test('equal texts compare equal', () => {
  assert.equal(compareUtf8('', ''), 0);
  assert.equal(compareUtf8('a\u{1f600}\ue000', 'a\u{1f600}\ue000'), 0);
});

test('sorting with it yields the order of the encodings', () => {
  fc.assert(fc.property(fc.array(text), (texts) => {
    assert.deepEqual([...texts].sort(compareUtf8), [...texts].sort(compareBytes));
  }));
});

test.run();
