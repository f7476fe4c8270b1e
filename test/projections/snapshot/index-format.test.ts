import assert from 'node:assert/strict';
import { decodeIndexLines, encodeIndexLine } from '../../../src/projections/snapshot/index-format.js';
import type { IndexEntry } from '../../../src/projections/snapshot/snapshot.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/index-format');
const ENTRY: IndexEntry = { key: 'a', seq: 1, timeMs: 2, offset: 6, sizeBytes: 1, crc: 0xabc };
const LINE = '["a",1,2,6,1,"00000abc"]\n';

const arbitraryEntry: fc.Arbitrary<IndexEntry> = fc.record({
  key: fc.string({ unit: 'binary', maxLength: 40 }),
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timeMs: fc.maxSafeInteger(),
  offset: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  sizeBytes: fc.integer({ min: 1, max: 16_777_216 }),
  crc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
}, { noNullPrototype: true });

function entriesOf(bytes: Buffer): readonly IndexEntry[] {
  const lines = decodeIndexLines(bytes);
  assert.ok(!('faultOffset' in lines));
  for (const { entry, keyText } of lines) {
    assert.equal(keyText.bytes.toString('utf8', keyText.start, keyText.end), JSON.stringify(entry.key));
  }
  return lines.map(({ entry }) => entry);
}

test('a line is a JSON array', () => {
  assert.equal(encodeIndexLine(ENTRY), LINE);
  assert.equal(encodeIndexLine({ ...ENTRY, key: 'q"\\\n\u2028ü' }), '["q\\"\\\\\\n\u2028ü",1,2,6,1,"00000abc"]\n');
});

test('decoding inverts encoding', () => {
  fc.assert(fc.property(fc.array(arbitraryEntry, { minLength: 1 }), (entries) => {
    assert.deepEqual(entriesOf(Buffer.from(entries.map(encodeIndexLine).join(''))), entries);
  }));
});

test('a line that is changed anywhere is decoded as JSON.parse decodes it, if JSON.stringify spells it so', () => {
  const changes = fc.array(fc.record({ at: fc.nat(), to: fc.constantFrom(...'0123456789abcdefA".,-[]\\\u0001é') }), { maxLength: 2 });
  fc.assert(fc.property(arbitraryEntry, changes, (entry, changed) => {
    const line = changed.reduce((text, { at, to }) => {
      const place = at % (text.length - 1);
      return `${text.slice(0, place)}${to}${text.slice(place + 1)}`;
    }, encodeIndexLine(entry));
    const bytes = Buffer.from(line);
    const decoded = decodeIndexLines(bytes);
    const row = parsed(bytes.toString().trimEnd());
    if ('faultOffset' in decoded) {
      assert.ok(row === undefined || !isRow(row), line);
      return;
    }
    assert.ok(row !== undefined && isRow(row), line);
    const [{ entry: { key, seq, timeMs, offset, sizeBytes, crc } } = assert.fail()] = decoded;
    assert.deepEqual([key, seq, timeMs, offset, sizeBytes, crc.toString(16).padStart(8, '0')], row);
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

function isRow(value: unknown): boolean {
  const [key, seq, timeMs, offset, sizeBytes, crc, ...more] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const areCounts = [seq, offset, sizeBytes].every((one) => Number.isSafeInteger(one) && Number(one) >= 1);
  return typeof key === 'string' && areCounts && Number.isSafeInteger(timeMs) && /^[0-9a-f]{8}$/.test(String(crc)) && more.length === 0;
}

test('a line in another spelling is refused with its offset', () => {
  const wrong = [
    '[ "a",1,2,6,1,"00000abc"]', '["a",1.0,2,6,1,"00000abc"]', '["a",1e0,2,6,1,"00000abc"]', '["\\u0061",1,2,6,1,"00000abc"]', '[]', '',
    '["a",0,2,6,1,"00000abc"]', '["a",-1,2,6,1,"00000abc"]', '["a",1,2.5,6,1,"00000abc"]', '["a",1,2,6,0,"00000abc"]', '{}', '1', 'null',
    '["a",1,2,6,1,"00000ABC"]', '["a",1,2,6,1,"abc"]', '["a",1,2,6,1,2748]', '["a",1,2,6,1]', '["a",1,2,6,1,"00000abc",1]', '"a"',
    '[1,1,2,6,1,"00000abc"]', '["a","1",2,6,1,"00000abc"]', '["a",9007199254740993,2,6,1,"00000abc"]', '["a",1,2,6,1,"00000abc"],',
    '["a",1,2,6,1,"00000abc"]\r', '["a\t",1,2,6,1,"00000abc"]', '["a",-0,2,6,1,"00000abc"]',
  ];
  for (const line of wrong) {
    assert.deepEqual(decodeIndexLines(Buffer.from(`${LINE}${LINE}${line}\n${LINE}`)), { faultOffset: 2 * LINE.length }, line);
  }
});

test.run();
