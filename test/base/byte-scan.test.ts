import assert from 'node:assert/strict';
import { compareRanges, countIn, digitAt, endOfCount, endOfPlainText, isAt } from '../../src/base/byte-scan.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('base/byte-scan');

test('bytes are compared at their offset, and there are none beyond the end', () => {
  const bytes = Buffer.from('abcd');
  assert.equal(isAt(bytes, 1, Buffer.from('bc')), true);
  assert.equal(isAt(bytes, 1, Buffer.from('bd')), false);
  assert.equal(isAt(bytes, 3, Buffer.from('de')), false);
  assert.equal(isAt(bytes, 9, Buffer.from('a')), false);
});

test('ranges are compared as Buffer.compare compares them, on both sides of the length from which it does', () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  fc.assert(fc.property(fc.integer({ min: 0, max: 60 }), bytes, bytes, (shared, left, right) => {
    const [a, b] = [left, right].map((rest) => Buffer.concat([Buffer.alloc(shared, 1), rest])) as [Buffer, Buffer];
    const [aAround, bAround] = [Buffer.concat([b, a, b]), Buffer.concat([a, a, b])];
    const order = compareRanges(
      { bytes: aAround, start: b.length, end: b.length + a.length }, { bytes: bAround, start: a.length * 2, end: a.length * 2 + b.length },
    );
    assert.equal(Math.sign(order), Buffer.compare(a, b));
  }));
});

test('a count is read as JSON.parse reads it, and nothing else is a count', () => {
  const texts = fc.oneof(fc.nat({ max: Number.MAX_SAFE_INTEGER }).map(String), fc.stringMatching(/^[0-9]{1,20}$/), fc.string());
  fc.assert(fc.property(texts, fc.constantFrom('', ',', '"', '}'), (text, after) => {
    const bytes = Buffer.from(`,${text}${after}`);
    const end = endOfCount(bytes, 1);
    const digits = /^\d*/.exec(text)?.[0] ?? '';
    const isCount = /^(?:0|[1-9]\d{0,14})$/.test(digits);
    assert.equal(end, isCount ? 1 + digits.length : 1);
    if (isCount) assert.equal(countIn(bytes, 1, end), JSON.parse(digits));
  }));
});

test('a digit is one byte', () => {
  assert.deepEqual([...Buffer.from('09/:a').keys()].map((at) => digitAt(Buffer.from('09/:a'), at)), [0, 9, -1, -1, -1]);
  assert.equal(digitAt(Buffer.from('1'), 1), -1);
});

test('plain text ends at the first byte that JSON.stringify would escape', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    const bytes = Buffer.from(text);
    const end = endOfPlainText(bytes, 0, bytes.length);
    const plain = [...text].findIndex((character) => /["\\\u0000-\u001f]/.test(character));
    assert.equal(bytes.toString('utf8', 0, end), plain < 0 ? bytes.toString() : Buffer.from([...text].slice(0, plain).join('')).toString());
  }));
  assert.equal(endOfPlainText(Buffer.from('abc'), 1, 2), 2);
});

test.run();
