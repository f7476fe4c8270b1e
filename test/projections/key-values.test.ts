import assert from 'node:assert/strict';
import fc from 'fast-check';
import { InvariantError } from '../../src/base/invariant.js';
import type { ProjectEvent } from '../../src/events/event.js';
import { type KeyRange, KeyValues } from '../../src/projections/key-values.js';
import { TRICKY_CHARACTERS } from '../events/arbitrary-events.js';
import { suite } from '../suite.js';
import { recordedAt, TIME_ZERO_MS } from './recorded-events.js';

const test = suite('key-values');

/** Short keys of few characters, so that ranges meet keys, prefixes of keys and gaps between keys. */
const text = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), maxLength: 3 });
const key = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), minLength: 1, maxLength: 3 });
const range: fc.Arbitrary<KeyRange> = fc.record(
  { prefix: text, start: text, end: text, after: text, reverse: fc.boolean() }, { requiredKeys: [] },
);

function filled(events: readonly ProjectEvent[]): KeyValues {
  const values = new KeyValues();
  for (const [index, event] of events.entries()) values.apply(recordedAt(event, index + 1));
  return values;
}

function withKeys(keys: readonly string[]): KeyValues {
  return filled(keys.map((one) => ({ op: 'set', key: one, value: JSON.stringify(one) })));
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What a range means, said as plainly as can be: filter all keys, sort by bytes, turn round, cut. */
function keysOfRange(keys: readonly string[], wanted: KeyRange, limit: number): string[] {
  const sign = wanted.reverse === true ? -1 : 1;
  const isWanted = (one: string): boolean => Buffer.from(one).indexOf(Buffer.from(wanted.prefix ?? '')) === 0
    && (wanted.start === undefined || compareBytes(one, wanted.start) >= 0)
    && (wanted.end === undefined || compareBytes(one, wanted.end) < 0)
    && (wanted.after === undefined || sign * compareBytes(one, wanted.after) > 0);
  return [...new Set(keys)].filter(isWanted).sort((a, b) => sign * compareBytes(a, b)).slice(0, limit);
}

test('a range in any combination of bounds, direction and limit gives what filtering and sorting gives', () => {
  fc.assert(fc.property(fc.array(key, { maxLength: 60 }), range, fc.integer({ min: 1, max: 12 }), (keys, wanted, limit) => {
    const values = withKeys(keys);
    const expected = keysOfRange(keys, wanted, limit);
    assert.deepEqual(values.keys(wanted, limit), expected);
    assert.deepEqual(
      values.slice(wanted, limit).map(([one, { value }]) => [one, value]), expected.map((one) => [one, JSON.stringify(one)]),
    );
  }), { numRuns: 3000 });
});

test('the same among so many keys that they lie in a tree of several levels', () => {
  const keys = TRICKY_CHARACTERS.flatMap((a) => TRICKY_CHARACTERS.flatMap((b) => TRICKY_CHARACTERS.map((c) => a + b + c)));
  const values = withKeys(keys);
  assert.equal(values.count, keys.length);
  fc.assert(fc.property(range, fc.integer({ min: 1, max: 6000 }), (wanted, limit) => {
    assert.deepEqual(values.keys(wanted, limit), keysOfRange(keys, wanted, limit));
  }), { numRuns: 150 });
});

test('pages that follow each other by "after" give every key once, in either direction', () => {
  fc.assert(fc.property(fc.uniqueArray(key, { maxLength: 40 }), fc.boolean(), fc.integer({ min: 1, max: 5 }), (keys, reverse, limit) => {
    const values = withKeys(keys);
    const pages: string[] = [];
    for (let page = values.keys({ reverse }, limit); page.length > 0; page = values.keys({ reverse, after: page.at(-1) ?? '' }, limit)) {
      pages.push(...page);
    }
    assert.deepEqual(pages, keysOfRange(keys, { reverse }, keys.length + 1));
  }));
});

test('the longest keys of a prefix are within it, also from the end', () => {
  for (const longest of ['\u{10ffff}'.repeat(256), `a${'\u{10ffff}'.repeat(255)}`, `a${'\uffff'.repeat(341)}`, 'a'.repeat(1024)]) {
    const prefix = longest.startsWith('a') ? 'a' : '\u{10ffff}';
    const values = withKeys([longest, prefix]);
    assert.deepEqual(values.keys({ prefix, reverse: true }, 5), [longest, prefix]);
    assert.deepEqual(values.keys({ prefix, reverse: true, after: longest }, 5), [prefix]);
    assert.deepEqual(values.keys({ prefix: longest, reverse: true }, 5), [longest]);
  }
});

test('nothing is found among no keys, whatever is asked for', () => {
  fc.assert(fc.property(range, (wanted) => assert.deepEqual(new KeyValues().slice(wanted, 3), [])));
});

test('a piece without room is a mistake of the caller', () => {
  for (const limit of [0, -1]) assert.throws(() => withKeys(['a']).slice({}, limit), InvariantError);
});

test('a key has the value, the seq and the time of its last change', () => {
  const values = filled([{ op: 'set', key: 'a', value: '1' }, { op: 'set', key: 'b', value: '2' }, { op: 'set', key: 'a', value: '3.0' }]);
  assert.deepEqual(values.get('a'), { value: '3.0', seq: 3, timeMs: TIME_ZERO_MS + 3000 });
  assert.deepEqual(values.get('b'), { value: '2', seq: 2, timeMs: TIME_ZERO_MS + 2000 });
  assert.equal(values.count, 2);
  assert.equal(values.get('c'), undefined);
});

test('names that every object has are keys like any other', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null'];
  for (const name of names) assert.equal(new KeyValues().get(name), undefined);
  assert.deepEqual(withKeys(names).keys({}, 10), [...names].sort());
});

test('keys that look alike and have other bytes are other keys', () => {
  const values = withKeys(['\u00e9', 'e\u0301']);
  assert.equal(values.count, 2);
  assert.equal(values.get('\u00e9')?.seq, 1);
  assert.equal(values.get('e\u0301')?.seq, 2);
});

test('a deleted key is gone, and can come back', () => {
  const values = filled([{ op: 'set', key: 'a', value: '1' }, { op: 'delete', key: 'a' }]);
  assert.equal(values.get('a'), undefined);
  assert.equal(values.count, 0);
  values.apply(recordedAt({ op: 'set', key: 'a', value: '2' }, 3));
  assert.equal(values.get('a')?.seq, 3);
});

test('clearing removes every key', () => {
  const values = withKeys(['a', 'b', '\u{1f600}']);
  values.apply(recordedAt({ op: 'clear', count: 3 }, 4));
  assert.equal(values.count, 0);
  assert.deepEqual(values.slice({}, 5), []);
  values.apply(recordedAt({ op: 'clear', count: 0 }, 5));
  values.apply(recordedAt({ op: 'set', key: 'a', value: '1' }, 6));
  assert.deepEqual(values.keys({}, 5), ['a']);
});

test('what was read before a change stays as it was read', () => {
  const values = withKeys(['a', 'b']);
  const before = values.slice({}, 5);
  const copy = structuredClone(before);
  values.apply(recordedAt({ op: 'set', key: 'a', value: '9' }, 3));
  values.apply(recordedAt({ op: 'clear', count: 2 }, 4));
  assert.deepEqual(before, copy);
});

test('an event that cannot have happened is a defect: deleting what is not there, clearing another number of keys', () => {
  assert.throws(() => withKeys(['a']).apply(recordedAt({ op: 'delete', key: 'b' }, 2)), /the key that seq 2 deletes exists/);
  assert.throws(() => withKeys(['a']).apply(recordedAt({ op: 'clear', count: 2 }, 2)), /seq 2 clears as many keys as there are/);
});

test.run();
