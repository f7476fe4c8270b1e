import assert from 'node:assert/strict';
import { intervalOf, isInRange, type KeyRange, mayHavePrefix } from '../../src/events/key-range.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { TRICKY_CHARACTERS } from './arbitrary-events.js';
import { isWithin } from './plain-range.js';

const test = suite('events/key-range');
const text = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), maxLength: 3 });
const range: fc.Arbitrary<KeyRange> = fc.record({ prefix: text, start: text, end: text }, { requiredKeys: [], noNullPrototype: true });

test('a key is in a range if it fulfils each condition', () => {
  fc.assert(fc.property(text, range, (key, wanted) => assert.equal(isInRange(key, wanted), isWithin(key, wanted))));
});

test('the interval of a range has the bytes of exactly its keys', () => {
  fc.assert(fc.property(text, range, (key, wanted) => {
    const { from, to } = intervalOf(wanted);
    const bytes = Buffer.from(key);
    const isInside = Buffer.compare(bytes, from) >= 0 && (to === undefined || Buffer.compare(bytes, to) < 0);
    assert.equal(isInside, isWithin(key, wanted));
  }));
});

test('a range that has a key with a prefix may have keys with that prefix', () => {
  fc.assert(fc.property(text, text, range, (prefix, rest, wanted) => {
    if (isWithin(prefix + rest, wanted)) assert.equal(mayHavePrefix(wanted, prefix), true);
  }));
});

test('a range beside a prefix, or an empty one, has no key with it', () => {
  for (const [wanted, prefix] of [
    [{ prefix: 'a/' }, 'b'], [{ prefix: 'b' }, 'a/'], [{ start: 'c' }, 'b'], [{ end: 'b' }, 'b'], [{ start: 'b', end: 'a' }, ''],
    [{ prefix: '\u{10ffff}' }, '\uffff'], [{ prefix: 'a', end: 'a' }, 'a'],
  ] as const) {
    assert.equal(mayHavePrefix(wanted, prefix), false, JSON.stringify([wanted, prefix]));
  }
  for (const [wanted, prefix] of [[{}, ''], [{ prefix: 'a/b' }, 'a'], [{ prefix: 'a' }, 'a/b'], [{ start: 'b/5' }, 'b']] as const) {
    assert.equal(mayHavePrefix(wanted, prefix), true, JSON.stringify([wanted, prefix]));
  }
});

test.run();
