import assert from 'node:assert/strict';
import { decodeIndexLines, encodeIndexLine, type IndexForm } from '../../../src/projections/snapshot/index-format.js';
import type { IndexEntry } from '../../../src/projections/snapshot/snapshot.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/index-format');
const ENTRY: IndexEntry = { key: 'a', seq: 1, tag: 0xdef, timeMs: 2, expiresAtMs: null, offset: 6, sizeBytes: 1, crc: 0xabc };
/** The last millisecond of the year 9999. */
const EXPIRY_MAX_MS = 253_402_300_799_999;
const LINE = '["a",1,2,6,1,"00000abc","00000def",null]\n';
const FORM = { format: 2, commonTag: 7 } as const;
const OLD_FORM = { format: 1, commonTag: 7 } as const;

const arbitraryEntry: fc.Arbitrary<IndexEntry> = fc.record({
  key: fc.string({ unit: 'binary', maxLength: 40 }),
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  tag: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  timeMs: fc.maxSafeInteger(),
  expiresAtMs: fc.option(fc.integer({ min: -EXPIRY_MAX_MS, max: EXPIRY_MAX_MS })),
  offset: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  sizeBytes: fc.integer({ min: 1, max: 16_777_216 }),
  crc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
}, { noNullPrototype: true });

function entriesOf(bytes: Buffer, form: IndexForm = FORM): readonly IndexEntry[] {
  const lines = decodeIndexLines(bytes, form);
  assert.ok(!('faultOffset' in lines));
  for (const { entry, keyText } of lines) {
    assert.equal(keyText.bytes.toString('utf8', keyText.start, keyText.end), JSON.stringify(entry.key));
  }
  return lines.map(({ entry }) => entry);
}

test('a line is a JSON array', () => {
  assert.equal(encodeIndexLine(ENTRY), LINE);
  assert.equal(encodeIndexLine({ ...ENTRY, key: 'q"\\\n\u2028ü' }), '["q\\"\\\\\\n\u2028ü",1,2,6,1,"00000abc","00000def",null]\n');
});

test('decoding inverts encoding', () => {
  fc.assert(fc.property(fc.array(arbitraryEntry, { minLength: 1 }), (entries) => {
    assert.deepEqual(entriesOf(Buffer.from(entries.map(encodeIndexLine).join(''))), entries);
  }));
});

test('a line of format 1 has no tag: its version gets the one that all have in common', () => {
  fc.assert(fc.property(fc.array(arbitraryEntry, { minLength: 1 }), (entries) => {
    const bytes = Buffer.from(entries.map((entry) => encodeIndexLine(entry).replace(/,"[0-9a-f]{8}",[^,]*\]\n$/, ']\n')).join(''));
    assert.deepEqual(entriesOf(bytes, OLD_FORM), entries.map((entry) => ({ ...entry, tag: OLD_FORM.commonTag, expiresAtMs: null })));
    assert.ok('faultOffset' in decodeIndexLines(bytes, FORM));
  }));
  assert.ok('faultOffset' in decodeIndexLines(Buffer.from(LINE), OLD_FORM));
});

test('a key that expires has its time at the end of the line', () => {
  assert.equal(encodeIndexLine({ ...ENTRY, expiresAtMs: 1_795_341_601_000 }), LINE.replace('null', '1795341601000'));
  for (const expiresAtMs of [0, -1, 1_795_341_601_000, EXPIRY_MAX_MS]) {
    const line = Buffer.from(encodeIndexLine({ ...ENTRY, expiresAtMs }));
    assert.deepEqual(entriesOf(line), [{ ...ENTRY, expiresAtMs }]);
  }
});

test('a line that is changed anywhere is decoded as JSON.parse decodes it, if JSON.stringify spells it so', () => {
  const changes = fc.array(fc.record({ at: fc.nat(), to: fc.constantFrom(...'0123456789abcdefA".,-[]\\\u0001é') }), { maxLength: 2 });
  fc.assert(fc.property(arbitraryEntry, changes, (entry, changed) => {
    const line = changed.reduce((text, { at, to }) => {
      const place = at % (text.length - 1);
      return `${text.slice(0, place)}${to}${text.slice(place + 1)}`;
    }, encodeIndexLine(entry));
    const bytes = Buffer.from(line);
    const decoded = decodeIndexLines(bytes, FORM);
    const row = parsed(bytes.toString().trimEnd());
    if ('faultOffset' in decoded) {
      assert.ok(row === undefined || !isRow(row), line);
      return;
    }
    assert.ok(row !== undefined && isRow(row), line);
    const [{ entry: { key, seq, tag, timeMs, expiresAtMs, offset, sizeBytes, crc } } = assert.fail()] = decoded;
    const [crcText, tagText] = [crc, tag].map((word) => word.toString(16).padStart(8, '0'));
    assert.deepEqual([key, seq, timeMs, offset, sizeBytes, crcText, tagText, expiresAtMs], row);
  }));
});

/** What a text spells, if JSON.stringify spells it so. */
function parsed(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{8}$/.test(value);
}

function isExpiry(value: unknown): boolean {
  return value === null || (Number.isSafeInteger(value) && Math.abs(Number(value)) <= EXPIRY_MAX_MS);
}

function isRow(value: unknown): boolean {
  const [key, seq, timeMs, offset, sizeBytes, crc, tag, expiry, ...more] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const areCounts = [seq, offset, sizeBytes].every((one) => Number.isSafeInteger(one) && Number(one) >= 1);
  const areWords = [crc, tag].every(isWord);
  return typeof key === 'string' && areCounts && Number.isSafeInteger(timeMs) && areWords && isExpiry(expiry) && more.length === 0;
}

test('a line in another spelling is refused with its offset', () => {
  const wrong = [
    '[ "a",1,2,6,1,"00000abc","00000def",null]', '["a",1.0,2,6,1,"00000abc","00000def",null]',
    '["a",1e0,2,6,1,"00000abc","00000def",null]', '["\\u0061",1,2,6,1,"00000abc","00000def",null]', '[]', '',
    '["a",0,2,6,1,"00000abc","00000def",null]', '["a",-1,2,6,1,"00000abc","00000def",null]', '["a",1,2.5,6,1,"00000abc","00000def",null]',
    '["a",1,2,6,0,"00000abc","00000def",null]', '{}', '1', 'null', '["a",1,2,6,1,"00000ABC","00000def",null]',
    '["a",1,2,6,1,"abc","00000def",null]', '["a",1,2,6,1,2748,"00000def",null]', '["a",1,2,6,1]',
    '["a",1,2,6,1,"00000abc","00000def",null,1]', '["a",1,2,6,1,"00000abc"]', '["a",1,2,6,1,"00000abc","0000def",null]',
    '["a",1,2,6,1,"00000abc",1,null]', '["a",1,2,6,1,"00000abc","00000def",false]', '["a",1,2,6,1,"00000abc","00000def"]', '"a"',
    '[1,1,2,6,1,"00000abc","00000def",null]', '["a","1",2,6,1,"00000abc","00000def",null]',
    '["a",9007199254740993,2,6,1,"00000abc","00000def",null]', '["a",1,2,6,1,"00000abc","00000def",null],',
    '["a",1,2,6,1,"00000abc","00000def",null]\r', '["a\t",1,2,6,1,"00000abc","00000def",null]',
    '["a",-0,2,6,1,"00000abc","00000def",null]',
    ...['1795341601000.5', '1e3', '01', '253402300800000', '-0', '', '"1"'].map((expiry) => LINE.replace('null', expiry).trimEnd()),
  ];
  for (const line of wrong) {
    const decoded = decodeIndexLines(Buffer.from(`${LINE}${LINE}${line}\n${LINE}`), FORM);
    assert.deepEqual(decoded, { faultOffset: 2 * LINE.length }, line);
  }
});

test.run();
