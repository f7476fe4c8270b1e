import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InvariantError } from '../../src/base/invariant.js';
import { addTerm, keyTerm, removeTerm } from '../../src/projections/key-sum.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('projections/key-sum');
const arbitraryPairs = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })), {
  selector: ([key]) => key, minLength: 1,
});
const sumOf = (pairs: readonly (readonly [string, number])[]): number => (
  pairs.reduce((sum, [key, seq]) => addTerm(sum, keyTerm(key, seq, null)), 0)
);

test('a sum is a safe integer', () => {
  fc.assert(fc.property(arbitraryPairs, (pairs) => {
    const sum = sumOf(pairs);
    assert.ok(Number.isSafeInteger(sum) && sum >= 0 && sum < 2 ** 52);
  }));
});

test('a term is the CRC-32 of the UTF-8 bytes that begins with the version, times the version', () => {
  const key = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme-ascii', maxLength: 60 }));
  fc.assert(fc.property(key, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (one, seq) => {
    const term = (crc32(one, seq % 2 ** 32) * ((seq % (2 ** 20 - 1)) + 1)) % 2 ** 52;
    assert.equal(keyTerm(one, seq, null), term);
    assert.equal(keyTerm({ bytes: Buffer.from(`"${one}"`), start: 1, end: 1 + Buffer.byteLength(one) }, seq, null), term);
  }));
});

test('the order does not matter', () => {
  fc.assert(fc.property(arbitraryPairs, (pairs) => assert.equal(sumOf(pairs), sumOf(pairs.toReversed()))));
});

test('adding and removing the same terms gives 0', () => {
  fc.assert(fc.property(arbitraryPairs, fc.nat(), (pairs, at) => {
    const [key, seq] = pairs[at % pairs.length] ?? ['', 1];
    const others = pairs.filter(([other]) => other !== key);
    assert.equal(removeTerm(sumOf(pairs), keyTerm(key, seq, null)), sumOf(others));
    assert.equal(pairs.reduce((sum, pair) => removeTerm(sum, keyTerm(...pair, null)), sumOf(pairs)), 0);
  }));
});

test('a version off by any amount, a missing key and two swapped versions change the sum', () => {
  const pairs = Array.from({ length: 300 }, (_, index) => [`key/${index}`, index + 1] as [string, number]);
  const sum = sumOf(pairs);
  for (const [index, [key, seq]] of pairs.entries()) {
    for (const other of [seq + 1, seq + 2 ** 20 - 1, seq + 2 ** 32, seq + 300]) {
      assert.notEqual(sumOf(pairs.with(index, [key, other])), sum, `${key} ${other}`);
    }
    assert.notEqual(sumOf(pairs.toSpliced(index, 1)), sum);
    const [nextKey, nextSeq] = pairs[(index + 1) % pairs.length] ?? ['', 1];
    assert.notEqual(sumOf(pairs.with(index, [key, nextSeq]).with((index + 1) % pairs.length, [nextKey, seq])), sum);
  }
});

test('there is no version 0', () => {
  assert.throws(() => keyTerm('a', 0, null), InvariantError);
});

test.run();
