import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InvariantError } from '../../../src/base/invariant.js';
import type { KeyEntry } from '../../../src/projections/key-entry.js';
import { KeyIndex } from '../../../src/projections/key-index/key-index.js';
import { type KeyHash, secretKeyHash } from '../../../src/projections/key-index/key-hash.js';
import { EntryPacker } from '../../../src/projections/key-index/packed-entries.js';
import type { Members } from '../../../src/projections/key-index/range-reader.js';
import type { ValuePlace } from '../../../src/projections/value-place.js';
import { TRICKY_CHARACTERS } from '../../events/arbitrary-events.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('key-index');

/** Number of keys where the parts have many chunks, segments and blocks. */
const MANY = 200_000;
const MIB = 1_048_576;
const PLACED = 'a value on disk';

/** Hashes of which each lets the directory meet another trouble. */
const HASHES: Readonly<Record<string, KeyHash>> = {
  'a secret hash': secretKeyHash(),
  'a hash that is the same for every key': () => 7,
  'a hash of two values, with all bits different': (key) => {
    const length = typeof key === 'string' ? key.length : key.end - key.start;
    return length % 2 === 0 ? 0 : 4_294_967_295;
  },
};

const key = fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), minLength: 1, maxLength: 3 });
const place = fc.record({
  file: fc.integer({ min: -9_007_199_254_740_991, max: 9_007_199_254_740_991 }),
  offset: fc.maxSafeNat(),
  sizeBytes: fc.integer({ min: 1, max: 16_777_216 }),
  crc: fc.integer({ min: 0, max: 4_294_967_295 }),
}, { noNullPrototype: true });
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...TRICKY_CHARACTERS), maxLength: 20 }),
  fc.integer({ min: 0, max: 3000 }).map((length) => 'v'.repeat(length)),
);
const expiry = fc.option(fc.integer({ min: 1, max: 20 }));
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.oneof(text, place), expiry }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('touch' as const), key, expiry }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), key, value: fc.oneof(text, place) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const) }) },
);

function entry(value: string | ValuePlace, seq: number, expiresAtMs: number | null = null): KeyEntry {
  return { value, seq, tag: (seq * 2_654_435_761) % 2 ** 32, timeMs: 1_700_000_000_000 + seq, expiresAtMs };
}

function plain({ value, ...version }: KeyEntry): KeyEntry {
  if (typeof value === 'string') return { value, ...version };
  const { file, offset, sizeBytes, crc } = value;
  return { value: { file, offset, sizeBytes, crc }, ...version };
}

/** A value moves to a place with the same bytes. */
function movedTo(from: KeyEntry['value'], to: KeyEntry['value']): KeyEntry['value'] {
  return typeof from === 'string' || typeof to === 'string' ? to : { ...to, sizeBytes: from.sizeBytes };
}

function textOf(known: KeyEntry | undefined): string {
  return typeof known?.value === 'string' ? known.value : PLACED;
}

function sortedKeys(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Sets a key from bytes where that is possible, every other time. */
function setEither(index: KeyIndex, one: string, { value, ...version }: KeyEntry): number {
  const isPlain = Buffer.byteLength(one) === one.length && JSON.stringify(one) === `"${one}"`;
  const isInBytes = isPlain && version.seq % 2 === 1 && version.expiresAtMs === null;
  if (typeof value !== 'string' || !isInBytes) return index.set(one, { value, ...version });
  const bytes = Buffer.from(`é${one}:${value}"`);
  const end = 2 + one.length;
  return index.setBytes({ bytes, start: 2, end, valueStart: end + 1, valueEnd: bytes.length - 1 }, version);
}

function valueBytes(value: KeyEntry['value']): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.sizeBytes;
}

function assertEqual(index: KeyIndex, model: ReadonlyMap<string, KeyEntry>): void {
  const { entries, isLast } = index.slice({}, model.size + 1);
  assert.equal(isLast, true);
  assert.deepEqual(entries.map(([one, found]) => [one, plain(found)]), sortedKeys(model.keys()).map((one) => [one, model.get(one)]));
  assert.deepEqual(index.keys({ reverse: true }, model.size + 1), sortedKeys(model.keys()).reverse());
  const members = index.members({}, model.size + 1, Infinity);
  const texts = sortedKeys(model.keys()).map((one) => `,${JSON.stringify(one)}:${textOf(model.get(one))}`);
  assert.equal(members?.write(Buffer.allocUnsafe).toString(), texts.some((one) => one.includes(PLACED)) ? undefined : texts.join(''));
  assert.equal(index.count, model.size);
  const sizes = [...model].map(([one, { value }]) => [Buffer.byteLength(one), valueBytes(value)] as const);
  assert.equal(index.keyBytes, sizes.reduce((sum, [keyBytes]) => sum + keyBytes, 0));
  assert.equal(index.valueBytes, sizes.reduce((sum, [, bytes]) => sum + bytes, 0));
  for (const [one, { value }] of model) assert.equal(index.valueBytesOf(one), valueBytes(value));
  assert.equal(index.placedCount, [...model.values()].filter(({ value }) => typeof value !== 'string').length);
  const expiries = [...model.values()].map(({ expiresAtMs }) => expiresAtMs).filter((one) => one !== null).sort((a, b) => a - b);
  assert.deepEqual([index.expiringCount, index.nextExpiryMs], [expiries.length, expiries[0]]);
  const expired = index.expiredKeys(Infinity, model.size + 1);
  assert.deepEqual(expired.map((one) => model.get(one)?.expiresAtMs), expiries);
  assert.equal(new Set(expired).size, expired.length);
}

for (const [name, hash] of Object.entries(HASHES)) {
  test(`with ${name}, any steps leave what they leave in a map`, () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const index = new KeyIndex(hash);
      const model = new Map<string, KeyEntry>();
      for (const [number, one] of steps.entries()) {
        if (one.kind === 'list') {
          assertEqual(index, model);
          continue;
        }
        const known = model.get(one.key);
        assert.equal(index.versionOf(one.key), known?.seq ?? 0);
        if (one.kind === 'set') {
          const added = entry(one.value, number + 1, one.expiry);
          assert.equal(setEither(index, one.key, added), known?.seq ?? 0);
          model.set(one.key, added);
        } else if (one.kind === 'touch') {
          const touched = entry(known?.value ?? '', number + 1, one.expiry);
          assert.equal(index.touch(one.key, touched), known?.seq ?? 0);
          if (known !== undefined) model.set(one.key, touched);
        } else if (one.kind === 'delete') {
          assert.equal(index.delete(one.key), known?.seq ?? 0);
          model.delete(one.key);
        } else if (known !== undefined) {
          const value = movedTo(known.value, one.value);
          index.replaceValue(one.key, known.seq, value);
          model.set(one.key, { ...known, value });
        }
        const found = index.get(one.key);
        assert.deepEqual(found && plain(found), model.get(one.key));
        assert.equal(index.expiryOf(one.key), model.get(one.key)?.expiresAtMs ?? null);
      }
      assertEqual(index, model);
    }));
  });
}

test('two hundred thousand keys, changed and deleted at random, are found and listed', () => {
  const index = new KeyIndex();
  const model = new Map<string, KeyEntry>();
  let random = 1;
  const below = (limit: number): number => {
    random = (random * 48_271) % 2_147_483_647;
    return random % limit;
  };
  for (let seq = 1; seq <= MANY * 2; seq += 1) {
    const one = `user/${below(MANY)}`;
    if (below(4) === 0) {
      assert.equal(index.delete(one) > 0, model.delete(one));
    } else {
      const added = entry(`"${'x'.repeat(below(60))}"`, seq);
      index.set(one, added);
      model.set(one, added);
    }
    if (seq % 150_000 === 0) index.keys({}, 1);
  }
  assertEqual(index, model);
  for (const [one, known] of model) assert.deepEqual(index.get(one), known);
});

test('packed keys are found and listed, and change like others, whatever their size', () => {
  const packer = new EntryPacker(2000, false);
  const model = new Map<string, KeyEntry>();
  const named = (number: number): string => `${number % 3 === 0 ? 'é' : 'k'}${number}${'x'.repeat(number % 90)}`;
  const keys = sortedKeys(Array.from({ length: 2000 }, (_, number) => named(number)));
  for (const [number, one] of keys.entries()) {
    const value = `"${number % 5 === 0 ? 'ü' : ''}${'v'.repeat(number === 700 ? 2 * MIB : number)}"`;
    const known = entry(value, number + 1, number % 3 === 1 ? number : null);
    model.set(one, known);
    const bytes = Buffer.from(`"${one}":${value}`);
    const keyBytes = Buffer.byteLength(one);
    if (number % 2 === 0) packer.add(one, value, known);
    else packer.addMember({ bytes, start: keyBytes + 3, end: bytes.length }, keyBytes, known);
  }
  const index = new KeyIndex();
  index.reserve(keys.length * 5);
  const packed = packer.finish();
  assert.deepEqual([packed.firstKey, packed.lastKey], [keys[0], keys.at(-1)]);
  index.appendPacked(packed);
  assertEqual(index, model);
  for (const [number, one] of keys.entries()) {
    assert.deepEqual(index.get(one), model.get(one));
    if (number % 4 === 0) continue;
    index.set(one, entry('"new"', 9000 + number));
    model.set(one, entry('"new"', 9000 + number));
  }
  assertEqual(index, model);
  for (const one of keys) assert.ok(index.delete(one) > 0);
  assert.deepEqual([index.count, index.expiringCount, index.nextExpiryMs], [0, 0, undefined]);
});

test('room for keys that are announced is no more than they take', () => {
  const [announced, grown] = [new KeyIndex(), new KeyIndex()];
  announced.reserve(MANY);
  for (let seq = 1; seq <= MANY; seq += 1) for (const one of [announced, grown]) one.set(`user/${seq}`, entry('1', seq));
  assert.ok(announced.allocatedBytes <= grown.allocatedBytes * 1.02);
  assert.throws(() => announced.reserve(1), InvariantError);
  for (let seq = 1; seq <= MANY; seq += 1) assert.equal(announced.versionOf(`user/${seq}`), seq);
});

test('replacing the value of another version, or of a key that does not exist, changes nothing', () => {
  const index = new KeyIndex();
  index.set('a', entry('1', 5));
  index.replaceValue('a', 4, '2');
  index.replaceValue('b', 5, '2');
  assert.deepEqual(index.slice({}, 9).entries, [['a', entry('1', 5)]]);
});

test('a place is the current one when it is looked at, until its version is no longer current', () => {
  const index = new KeyIndex();
  const old = { file: 1, offset: 10, sizeBytes: 2, crc: 3 };
  index.set('a', entry(old, 1));
  const found = index.get('a')?.value as ValuePlace;
  index.replaceValue('a', 1, { ...old, file: -9, offset: 20 });
  assert.deepEqual([found.file, found.offset, found.sizeBytes, found.crc], [-9, 20, 2, 3]);
  index.replaceValue('a', 1, 'in memory by now');
  assert.deepEqual([found.file, found.offset], [-9, 20]);
  index.set('a', entry({ ...old, offset: 30 }, 2));
  assert.deepEqual([found.file, found.offset], [-9, 20]);
});

test('a slice ends before the value that exceeds its size, but has an entry at least', () => {
  const index = new KeyIndex();
  for (const [seq, one] of ['a', 'b', 'c'].entries()) index.set(one, entry('"123456"', seq + 1));
  index.set('d', entry({ file: 1, offset: 0, sizeBytes: 100, crc: 0 }, 9));
  const sliced = (keys: number, valueBytes?: number): readonly unknown[] => {
    const { entries, isLast } = index.slice({}, keys, valueBytes);
    return [entries.map(([one]) => one).join(''), isLast];
  };
  assert.deepEqual(sliced(9), ['abcd', true]);
  assert.deepEqual(sliced(4), ['abcd', false]);
  assert.deepEqual(sliced(9, 24), ['abc', false]);
  assert.deepEqual(sliced(9, 23), ['ab', false]);
  assert.deepEqual(sliced(9, 1), ['a', false]);
  assert.deepEqual(sliced(9, 124), ['abcd', true]);
  assert.throws(() => sliced(0), InvariantError);
});

test('members of a JSON object are what JSON.stringify writes, whatever the keys', () => {
  fc.assert(fc.property(fc.uniqueArray(key, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), fc.boolean(), (keys, limit, reverse) => {
    const index = new KeyIndex();
    for (const [seq, one] of keys.entries()) index.set(one, entry(JSON.stringify(`${one} ü`), seq + 1));
    const members = index.members({ reverse }, limit, MIB);
    const expected = index.keys({ reverse }, limit);
    const text = expected.map((one) => `,${JSON.stringify(one)}:${JSON.stringify(`${one} ü`)}`).join('');
    assert.equal(members?.write(Buffer.allocUnsafe).toString(), text);
    assert.deepEqual([members?.lastKey, members?.isLast], [expected.at(-1), keys.length < limit]);
  }));
});

test('there are no members where a value is on disk, and their size ends them like a slice', () => {
  const index = new KeyIndex();
  for (const one of ['a', 'b', 'c']) index.set(one, entry('"1234"', 1));
  index.set('d', entry({ file: 1, offset: 0, sizeBytes: 6, crc: 0 }, 2));
  assert.equal(index.members({}, 9, MIB), undefined);
  const { valueBytes, lastKey, isLast } = index.members({}, 9, 13) ?? {};
  assert.deepEqual([valueBytes, lastKey, isLast], [12, 'b', false]);
});

test('members are written across the chunks of memory, and in any order of setting', () => {
  for (const step of [1, 7919]) {
    const index = new KeyIndex();
    for (let number = 0; number < 30_000; number += 1) index.set(`k${(number * step) % 30_000}`, entry(`"${'v'.repeat(100)}"`, number + 1));
    let text = '';
    for (let after = ''; ;) {
      const { lastKey, isLast, write } = index.members({ after }, 1000, MIB) as Members;
      text += write(Buffer.allocUnsafe).toString();
      if (isLast || lastKey === undefined) break;
      after = lastKey;
    }
    const expected = index.slice({}, MANY).entries.map(([one, { value }]) => `,"${one}":${value as string}`).join('');
    assert.ok(text === expected, `step ${step}`);
  }
});

test('a key of 1,024 bytes has room for its length, a longer one is refused', () => {
  const index = new KeyIndex();
  for (const one of ['k'.repeat(1024), 'ü'.repeat(512)]) {
    index.set(one, entry('"v"', 1));
    assert.deepEqual(index.get(one), entry('"v"', 1));
  }
  assert.throws(() => index.set('k'.repeat(1025), entry('1', 1)), InvariantError);
});

test('the count of a range is the number of keys that it lists', () => {
  const bound = fc.option(key, { nil: undefined });
  fc.assert(fc.property(
    fc.uniqueArray(key, { maxLength: 40 }), fc.array(key, { maxLength: 10 }), fc.tuple(bound, bound, bound), fc.boolean(),
    (keys, gone, [prefix, start, end], reverse) => {
      const index = new KeyIndex();
      for (const [seq, one] of keys.entries()) index.set(one, entry('1', seq + 1));
      for (const one of gone) index.delete(one);
      const bounds = Object.entries({ prefix, start, end }).filter(([, value]) => value !== undefined);
      const range = Object.fromEntries(bounds);
      assert.equal(index.countIn(range), index.keys({ ...range, reverse }, 99).length);
    },
  ));
});

test('two hundred thousand keys are counted without a look at each', () => {
  const index = new KeyIndex();
  for (let number = 0; number < MANY; number += 1) index.set(`k${(number * 7919) % MANY}`, entry('1', number + 1));
  while (!index.isSorted) index.sortSome();
  const startedMs = performance.now();
  for (let round = 0; round < 100; round += 1) {
    assert.equal(index.countIn({ prefix: 'k1' }), 1 + 10 + 100 + 1000 + 10_000 + 100_000);
    assert.equal(index.countIn({ start: 'k2', end: 'k3' }), 11_111);
    assert.equal(index.countIn({}), MANY);
  }
  // A look at each key would take a second and more.
  assert.ok(performance.now() - startedMs < 500);
});

test('keys that are appended in order are listed without sorting', () => {
  const index = new KeyIndex();
  const keys = sortedKeys(Array.from({ length: 5000 }, (_, number) => `k${number}`));
  for (const [seq, one] of keys.entries()) index.append(one, entry('1', seq + 1));
  assert.equal(index.isSorted, true);
  assert.deepEqual(index.keys({}, MANY), keys);
  index.set('k', entry('1', 9000));
  assert.deepEqual(index.keys({}, 2), ['k', 'k0']);
});

test('many new keys can be sorted in piece by piece, while others come and go', () => {
  const index = new KeyIndex();
  const keys = new Set<string>();
  for (let number = 0; number < 50_000; number += 1) {
    const one = `k${(number * 7919) % 100_003}`;
    index.set(one, entry('1', number + 1));
    keys.add(one);
  }
  let turns = 0;
  for (; !index.isSorted; turns += 1) {
    index.sortSome();
    const gone = `k${(turns * 7919) % 100_003}`;
    assert.equal(index.delete(gone) > 0, keys.delete(gone));
    index.set(`new${turns}`, entry('1', 90_000 + turns));
    keys.add(`new${turns}`);
  }
  assert.ok(turns > 10 && turns < 100, `${turns} turns`);
  assert.deepEqual(index.keys({}, MANY), sortedKeys(keys));
});

test('values of every length come back, on both sides of the limits of a buffer', () => {
  const index = new KeyIndex();
  const lengths = [0, 1, 2, 3, 4, 5, 1023, 4096, MIB / 8 - 40, MIB / 8, MIB - 20, MIB, MIB + 1, 5 * MIB];
  const values = new Map(lengths.flatMap((length) => [[`ascii ${length}`, 'a'.repeat(length)], [`ü ${length}`, 'ü'.repeat(length)]]));
  for (const round of [1, 2]) {
    for (const [one, value] of values) index.set(one, entry(value, round));
    for (const [one, value] of values) assert.ok(index.get(one)?.value === value, one);
  }
});

test('memory does not grow when values are overwritten again and again', () => {
  const index = new KeyIndex();
  for (let seq = 1; seq <= 20_000; seq += 1) index.set(`k${seq}`, entry(`"${'x'.repeat(100)}"`, seq));
  const filled = index.allocatedBytes;
  for (let seq = 1; seq <= 200_000; seq += 1) index.set(`k${((seq * 7919) % 20_000) + 1}`, entry(`"${'y'.repeat(seq % 100)}"`, seq));
  assert.ok(index.allocatedBytes < filled * 1.3 + 3 * MIB, `${index.allocatedBytes} bytes after ${filled}`);
  for (let seq = 1; seq <= 200; seq += 1) index.set('long', entry('z'.repeat(2 * MIB), seq));
  assert.ok(index.allocatedBytes < filled * 1.3 + 8 * MIB, `${index.allocatedBytes} bytes after long values`);
});

test('memory does not grow when keys come and go, whether they are ever listed or not', () => {
  for (const isListed of [true, false]) {
    const index = new KeyIndex();
    for (let seq = 1; seq <= 100_000; seq += 1) {
      index.set(`k${seq}`, entry('"0123456789"', seq));
      if (seq > 1000) index.delete(`k${seq - 1000}`);
      if (isListed && seq % 5000 === 0) index.keys({}, 1);
    }
    assert.equal(index.count, 1000);
    assert.ok(index.allocatedBytes < 3 * MIB, `${index.allocatedBytes} bytes`);
  }
});

test('a key of 13 bytes takes at most 80 bytes besides its text, and at most 120 with a value on disk', () => {
  const filled = (valueOf: (number: number) => string | ValuePlace, expiryOf: (number: number) => number | null = () => null): number => {
    const index = new KeyIndex();
    for (let number = 0; number < MANY; number += 1) {
      index.append(`user/${String(number).padStart(8, '0')}`, entry(valueOf(number), number + 1, expiryOf(number)));
    }
    return index.allocatedBytes / MANY;
  };
  const value = `"${'v'.repeat(98)}"`;
  const hot = filled(() => value);
  assert.ok(hot <= 113 + 80, `${hot} bytes a key with a value in memory`);
  const expiring = filled(() => value, (number) => number);
  assert.ok(expiring - hot <= 24, `${expiring - hot} bytes more for a key that expires`);
  const cold = filled((number) => ({ file: -5_000_000_000, offset: number * 4200, sizeBytes: 4096, crc: crc32(`${number}`) }));
  assert.ok(cold <= 120, `${cold} bytes a key with a value on disk`);
});

test('an empty index takes less than a kilobyte, and one with ten keys less than ten', () => {
  const index = new KeyIndex();
  assert.ok(index.allocatedBytes < 1024, `${index.allocatedBytes}`);
  for (let seq = 1; seq <= 10; seq += 1) index.set(`k${seq}`, entry(`"${'x'.repeat(100)}"`, seq));
  assert.ok(index.allocatedBytes < 10_240, `${index.allocatedBytes}`);
});

test.run();
