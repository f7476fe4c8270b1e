import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InvariantError } from '../../src/base/invariant.js';
import { rangeConditions, type ProjectEvent } from '../../src/events/event.js';
import type { DirectedRange } from '../../src/events/key-range.js';
import { KeyValues } from '../../src/projections/key-values.js';
import { addTerm, keyTerm } from '../../src/projections/key-sum.js';
import type { ValuePlace } from '../../src/projections/value-place.js';
import { TRICKY_CHARACTERS } from '../events/arbitrary-events.js';
import { compareBytes, isWithin } from '../events/plain-range.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { PlacedEvents } from './placed-events.js';
import { recordedAt, TIME_ZERO_MS } from './recorded-events.js';

const test = suite('key-values');

/** Short keys of few characters, so that bounds hit keys, prefixes of keys and gaps between keys. */
const text = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), maxLength: 3 });
const key = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), minLength: 1, maxLength: 3 });
const range: fc.Arbitrary<DirectedRange> = fc.record(
  { prefix: text, start: text, end: text, after: text, reverse: fc.boolean() }, { requiredKeys: [] },
);

function set(name: string, value: string): ProjectEvent {
  return { op: 'set', key: name, value };
}

function filled(events: readonly ProjectEvent[]): KeyValues {
  const values = new KeyValues();
  for (const [index, event] of events.entries()) values.apply(recordedAt(event, index + 1));
  return values;
}

function withKeys(keys: readonly string[]): KeyValues {
  return filled(keys.map((one) => ({ op: 'set', key: one, value: JSON.stringify(one) })));
}

/** The meaning of a range, as plainly as possible: filter all keys, sort by bytes, reverse, cut. */
function keysOfRange(keys: readonly string[], wanted: DirectedRange, limit: number): string[] {
  const sign = wanted.reverse === true ? -1 : 1;
  const isWanted = (one: string): boolean => isWithin(one, wanted)
    && (wanted.after === undefined || sign * compareBytes(one, wanted.after) > 0);
  return [...new Set(keys)].filter(isWanted).sort((a, b) => sign * compareBytes(a, b)).slice(0, limit);
}

test('a range with any combination of bounds, direction and limit equals filtering and sorting', () => {
  fc.assert(fc.property(fc.array(key, { maxLength: 60 }), range, fc.integer({ min: 1, max: 12 }), (keys, wanted, limit) => {
    const values = withKeys(keys);
    const expected = keysOfRange(keys, wanted, limit);
    assert.deepEqual(values.keys(wanted, limit), expected);
    assert.deepEqual(
      values.slice(wanted, limit).entries.map(([one, { value }]) => [one, value]), expected.map((one) => [one, JSON.stringify(one)]),
    );
  }));
});

test('the same holds for so many keys that the order has several blocks', () => {
  const keys = TRICKY_CHARACTERS.flatMap((a) => TRICKY_CHARACTERS.flatMap((b) => TRICKY_CHARACTERS.map((c) => a + b + c)));
  const values = withKeys(keys);
  assert.equal(values.count, keys.length);
  fc.assert(fc.property(range, fc.integer({ min: 1, max: 6000 }), (wanted, limit) => {
    assert.deepEqual(values.keys(wanted, limit), keysOfRange(keys, wanted, limit));
  }));
});

test('consecutive pages by "after" contain every key once, in either direction', () => {
  fc.assert(fc.property(fc.uniqueArray(key, { maxLength: 40 }), fc.boolean(), fc.integer({ min: 1, max: 5 }), (keys, reverse, limit) => {
    const values = withKeys(keys);
    const pages: string[] = [];
    for (let page = values.keys({ reverse }, limit); page.length > 0; page = values.keys({ reverse, after: page.at(-1) ?? '' }, limit)) {
      pages.push(...page);
    }
    assert.deepEqual(pages, keysOfRange(keys, { reverse }, keys.length + 1));
  }));
});

test('the longest keys of a prefix are in its range, in reverse too', () => {
  for (const longest of ['\u{10ffff}'.repeat(256), `a${'\u{10ffff}'.repeat(255)}`, `a${'\uffff'.repeat(341)}`, 'a'.repeat(1024)]) {
    const prefix = longest.startsWith('a') ? 'a' : '\u{10ffff}';
    const values = withKeys([longest, prefix]);
    assert.deepEqual(values.keys({ prefix, reverse: true }, 5), [longest, prefix]);
    assert.deepEqual(values.keys({ prefix, reverse: true, after: longest }, 5), [prefix]);
    assert.deepEqual(values.keys({ prefix: longest, reverse: true }, 5), [longest]);
  }
});

test('deleting a range leaves the other keys, as deleting each of its keys would', () => {
  fc.assert(fc.property(fc.array(key, { maxLength: 60 }), range, fc.boolean(), (keys, { after: _, reverse: __, ...bounds }, isSorted) => {
    const values = withKeys(keys);
    if (isSorted) values.keys({}, 1);
    const expected = withKeys(keys);
    const gone = keysOfRange(keys, bounds, keys.length + 1);
    for (const [index, one] of gone.entries()) expected.apply(recordedAt({ op: 'delete', key: one }, keys.length + 1 + index));
    values.apply(recordedAt({ op: 'clear.range', ...rangeConditions(bounds), count: gone.length }, keys.length + 1));
    assert.deepEqual([values.count, values.keySum], [expected.count, expected.keySum]);
    assert.deepEqual([values.valueBytes, values.contentBytes], [expected.valueBytes, expected.contentBytes]);
    assert.deepEqual(values.slice({}, 99).entries, expected.slice({}, 99).entries);
    for (const one of gone) assert.equal(values.get(one), undefined);
    for (const [index, one] of gone.entries()) values.apply(recordedAt(set(one, '0'), keys.length + 2 + index));
    assert.deepEqual(values.keys({}, 99), keysOfRange(keys, {}, 99));
  }));
});

test('a range over several blocks of the order is deleted', () => {
  const keys = TRICKY_CHARACTERS.flatMap((a) => TRICKY_CHARACTERS.flatMap((b) => TRICKY_CHARACTERS.map((c) => a + b + c)));
  const [first = ''] = TRICKY_CHARACTERS;
  fc.assert(fc.property(fc.constantFrom(...keys), fc.constantFrom(...keys), fc.constantFrom('', first), (start, end, prefix) => {
    const values = withKeys(keys);
    const bounds = { prefix, start, end };
    const gone = keysOfRange(keys, bounds, keys.length);
    values.apply(recordedAt({ op: 'clear.range', ...bounds, count: gone.length }, keys.length + 1));
    const left = new Set(gone);
    assert.deepEqual(values.keys({}, keys.length + 1), keysOfRange(keys, {}, keys.length + 1).filter((one) => !left.has(one)));
  }), { numRuns: 20 });
});

test('every range is empty if there are no keys', () => {
  fc.assert(fc.property(range, (wanted) => assert.deepEqual(new KeyValues().slice(wanted, 3), { entries: [], isLast: true })));
});

test('a limit of 0 is a defect of the caller', () => {
  for (const limit of [0, -1]) assert.throws(() => withKeys(['a']).slice({}, limit), InvariantError);
});

test('names of members of every object are keys like any other', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null'];
  for (const name of names) assert.equal(new KeyValues().get(name), undefined);
  assert.deepEqual(withKeys(names).keys({}, 10), [...names].sort());
});

test('the last deletion leaves an empty index, which takes new keys', () => {
  const values = withKeys(['a', 'b']);
  for (const [seq, one] of ['a', 'b'].entries()) values.apply(recordedAt({ op: 'delete', key: one }, seq + 3));
  assert.deepEqual([values.count, values.keySum, values.get('a'), values.keys({}, 5)], [0, 0, undefined, []]);
  values.apply(recordedAt(set('a', '2'), 5));
  assert.deepEqual([values.get('a')?.value, values.keys({}, 5)], ['2', ['a']]);
});

test('keys that look alike but have other bytes are distinct', () => {
  const values = withKeys(['\u00e9', 'e\u0301']);
  assert.equal(values.count, 2);
  assert.equal(values.get('\u00e9')?.seq, 1);
  assert.equal(values.get('e\u0301')?.seq, 2);
});

test('an impossible event is a defect: deleting a missing key, clearing another number of keys', () => {
  assert.throws(() => withKeys(['a']).apply(recordedAt({ op: 'delete', key: 'b' }, 2)), /the key that seq 2 deletes exists/);
  assert.throws(() => withKeys(['a']).apply(recordedAt({ op: 'clear', count: 2 }, 2)), /seq 2 clears as many keys as there are/);
  const event = { op: 'clear.range', prefix: 'a', start: null, end: null, count: 2 } as const;
  assert.throws(() => withKeys(['a', 'b']).apply(recordedAt(event, 3)), /seq 3 clears as many keys as there are in its range/);
});

/** The same holds whether values are in memory or not. */
for (const isCaching of [true, false]) {
  const mode = isCaching ? 'with values in memory' : 'with values on disk';

  /** Values that were fed with these events, and what reads a value wherever it is. */
  const fed = (events: readonly ProjectEvent[]): { values: KeyValues; log: PlacedEvents; apply: (event: ProjectEvent) => void } => {
    const values = new KeyValues({ isCaching });
    const log = new PlacedEvents();
    let seq = 0;
    const apply = (event: ProjectEvent): void => {
      seq += 1;
      values.apply(log.recordedAt(event, seq));
    };
    for (const event of events) apply(event);
    return { values, log, apply };
  };

  test(`${mode}: a key has the value, the seq and the time of its last change`, () => {
    const { values, log } = fed([set('a', '1'), set('b', '"ü"'), set('a', '"\u{1f600}é"')]);
    const shown = ['a', 'b', 'c'].map((one) => {
      const entry = values.get(one);
      return [log.textOf(entry), entry?.seq, entry?.timeMs];
    });
    assert.deepEqual(shown, [['"\u{1f600}é"', 3, TIME_ZERO_MS + 3000], ['"ü"', 2, TIME_ZERO_MS + 2000], [undefined, undefined, undefined]]);
    assert.deepEqual([values.count, values.placedCount], [2, isCaching ? 0 : 2]);
  });

  test(`${mode}: a deleted key is gone, and can be set again`, () => {
    const { values, log, apply } = fed([set('a', '1'), { op: 'delete', key: 'a' }]);
    assert.deepEqual([values.get('a'), values.count, values.placedCount], [undefined, 0, 0]);
    apply(set('a', '2'));
    assert.deepEqual([values.get('a')?.seq, log.textOf(values.get('a'))], [3, '2']);
  });

  test(`${mode}: clearing removes every key`, () => {
    const { values, apply } = fed([set('a', '1'), set('b', '1'), set('\u{1f600}', '1')]);
    apply({ op: 'clear', count: 3 });
    assert.deepEqual([values.count, values.placedCount, values.keySum, values.slice({}, 5).entries], [0, 0, 0, []]);
    assert.equal(values.contentBytes, 0);
    apply({ op: 'clear', count: 0 });
    apply(set('a', '1'));
    assert.deepEqual(values.keys({}, 5), ['a']);
  });

  test(`${mode}: an entry that was read does not change with later events`, () => {
    const { values, log, apply } = fed([set('a', '1'), set('b', '2')]);
    const before = values.slice({}, 5).entries;
    apply(set('a', '9'));
    apply({ op: 'clear', count: 2 });
    assert.deepEqual(before.map(([one, entry]) => [one, entry.seq, log.textOf(entry)]), [['a', 1, '1'], ['b', 2, '2']]);
  });

  test(`${mode}: the checksum is that of the current keys and versions`, () => {
    const change = fc.oneof(
      { weight: 5, arbitrary: key.map((one) => set(one, '1')) },
      { weight: 3, arbitrary: key.map((one): ProjectEvent => ({ op: 'delete', key: one })) },
      { weight: 1, arbitrary: fc.constant<ProjectEvent>({ op: 'clear', count: 0 }) },
    );
    fc.assert(fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const { values, apply } = fed([]);
      for (const one of changes) {
        if (one.op === 'delete' && values.get(one.key) === undefined) continue;
        apply(one.op === 'clear' ? { op: 'clear', count: values.count } : one);
        const { entries } = values.slice({}, 1000);
        assert.equal(values.keySum, entries.reduce((sum, [name, { seq }]) => addTerm(sum, keyTerm(name, seq, null)), 0));
        assert.equal(values.placedCount, entries.filter(([, { value }]) => typeof value !== 'string').length);
      }
    }));
  });
}

test('a value without a place stays in memory, even outside caching mode', () => {
  const values = new KeyValues({ isCaching: false });
  values.apply(recordedAt(set('a', '1'), 1));
  assert.deepEqual([values.get('a')?.value, values.placedCount], ['1', 0]);
});

test('a change of mode affects only later events', () => {
  const values = new KeyValues();
  const log = new PlacedEvents();
  const modes = [true, false, true];
  for (const [index, isCaching] of modes.entries()) {
    values.setCaching(isCaching);
    values.apply(log.recordedAt(set(`k${index}`, '1'), index + 1));
  }
  assert.deepEqual(modes.map((_, index) => typeof values.get(`k${index}`)?.value), ['string', 'object', 'string']);
});

/** No key has been touched since. */
function neverTouched(): boolean {
  return false;
}

test('relocating moves only the version that it names', () => {
  const values = new KeyValues({ isCaching: false });
  const log = new PlacedEvents();
  for (const [index, one] of ['a', 'a', 'b'].entries()) values.apply(log.recordedAt(set(one, `"${index}"`), index + 1));
  const place = { file: -3, offset: 5_000_000_000, sizeBytes: 3, crc: crc32('"1"') };
  values.relocate({ key: 'a', seq: 1, place: { ...place, offset: 1 } }, neverTouched);
  values.relocate({ key: 'missing', seq: 1, place }, neverTouched);
  assert.equal(log.textOf(values.get('a')), '"1"');
  values.relocate({ key: 'a', seq: 2, place }, neverTouched);
  const { file, offset, sizeBytes, crc } = values.get('a')?.value as ValuePlace;
  assert.deepEqual({ file, offset, sizeBytes, crc }, place);
  assert.deepEqual([values.get('a')?.seq, values.get('a')?.timeMs], [2, TIME_ZERO_MS + 2000]);
  assert.equal(log.textOf(values.get('b')), '"2"');
});

test('relocating a version to a place of another length or CRC is a defect', () => {
  const values = new KeyValues({ isCaching: false });
  values.apply(new PlacedEvents().recordedAt(set('a', '"0"'), 1));
  for (const wrong of [{ sizeBytes: 4, crc: crc32('"0"') }, { sizeBytes: 3, crc: crc32('"1"') }]) {
    assert.throws(() => values.relocate({ key: 'a', seq: 1, place: { file: -1, offset: 1, ...wrong } }, neverTouched), InvariantError);
  }
});

test('relocating drops a text in memory, except in caching mode', () => {
  for (const isCaching of [true, false]) {
    const values = withKeys(['a', 'b']);
    values.setCaching(isCaching);
    values.relocate({ key: 'a', seq: 1, place: { file: -2, offset: 1, sizeBytes: 3, crc: 0 } }, neverTouched);
    values.relocate({ key: 'b', seq: 1, place: { file: -2, offset: 9, sizeBytes: 3, crc: 0 } }, neverTouched);
    assert.deepEqual([typeof values.get('a')?.value, values.placedCount], isCaching ? ['string', 0] : ['object', 1]);
    assert.equal(values.get('b')?.value, '"b"');
  }
});

test('filling keeps only the version that was read in memory', () => {
  const values = new KeyValues({ isCaching: false });
  const log = new PlacedEvents();
  for (const [index, one] of ['a', 'a', 'b'].entries()) values.apply(log.recordedAt(set(one, `"${index}"`), index + 1));
  const sum = values.keySum;
  values.fill('a', 2, '"1"');
  assert.equal(values.placedCount, 2, 'nothing is taken into memory where values are kept on disk');
  values.setCaching(true);
  values.fill('a', 1, '"0"');
  values.fill('missing', 1, '"0"');
  assert.equal(values.placedCount, 2);
  values.fill('a', 2, '"1"');
  values.fill('a', 2, '"again"');
  assert.deepEqual(values.get('a'), { value: '"1"', seq: 2, tag: 2, timeMs: TIME_ZERO_MS + 2000, expiresAtMs: null });
  assert.deepEqual([values.placedCount, values.keySum], [1, sum]);
});

test('restored keys equal applied ones, with their value or with its place', () => {
  const place = { file: -9, offset: 4_294_967_296, sizeBytes: 2, crc: 4_294_967_295 };
  const applied = filled([set('a', '1'), set('\uffff', '2'), set('\u{1f600}', '3')]);
  const values = new KeyValues({ isCaching: false });
  values.restore('a', { value: '1', seq: 1, tag: 1, timeMs: TIME_ZERO_MS + 1000, expiresAtMs: null });
  values.restore('\uffff', { value: place, seq: 2, tag: 2, timeMs: TIME_ZERO_MS + 2000, expiresAtMs: null });
  values.restore('\u{1f600}', { value: '3', seq: 3, tag: 3, timeMs: TIME_ZERO_MS + 3000, expiresAtMs: null });
  assert.deepEqual([values.keySum, values.count, values.placedCount], [applied.keySum, 3, 1]);
  assert.deepEqual(values.keys({}, 5), applied.keys({}, 5));
  const { file, offset, sizeBytes, crc } = values.get('\uffff')?.value as ValuePlace;
  assert.deepEqual({ file, offset, sizeBytes, crc }, place);
  values.apply(recordedAt({ op: 'clear', count: 3 }, 4));
});

test('keys are restored in ascending order, before anything is applied', () => {
  const entry = { value: '1', seq: 1, tag: 1, timeMs: 0, expiresAtMs: null };
  for (const [first, second] of [['b', 'a'], ['a', 'a'], ['\u{1f600}', '\uffff']] as const) {
    const values = new KeyValues();
    values.restore(first, entry);
    assert.throws(() => values.restore(second, entry), InvariantError);
  }
  assert.throws(() => withKeys(['a']).restore('b', entry), InvariantError);
});

test.run();
