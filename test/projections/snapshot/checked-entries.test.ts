import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type CheckedEntries, checkEntries, type UncheckedEntries } from '../../../src/projections/snapshot/checked-entries.js';
import { encodeIndexLine } from '../../../src/projections/snapshot/index-format.js';
import { addTerm, keyTerm } from '../../../src/projections/key-sum.js';
import { KeyValues } from '../../../src/projections/key-values.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/checked-entries');
const LINES = [
  encodeIndexLine({ key: 'b', seq: 2, tag: 0xfeed0002, timeMs: 20, expiresAtMs: null, offset: 106, sizeBytes: 3, crc: crc32('1.0') }),
  encodeIndexLine({ key: 'c"', seq: 9, tag: 0xfeed0009, timeMs: -5, expiresAtMs: 30, offset: 117, sizeBytes: 4, crc: crc32('null') }),
];
const FORM = { format: 2, commonTag: 1 } as const;
const JSON_TEXT = ',\n"b":1.0,\n"c\\"":null';

interface Change {
  readonly lines?: readonly string[];
  readonly json?: string;
  readonly lastKey?: string;
  readonly seqMax?: number;
}

function check(change: Change): CheckedEntries {
  const { lines = LINES, json = JSON_TEXT, lastKey = 'a', seqMax = 9 } = change;
  return checkEntries({ ...pieceOf(lines.join(''), Buffer.from(json)), before: { lastKey, jsonOffset: 100 }, form: FORM, seqMax });
}

function pieceOf(index: string, json: Uint8Array): Pick<UncheckedEntries, 'memory' | 'indexBytes' | 'jsonBytes'> {
  const indexBytes = Buffer.byteLength(index);
  return { memory: new Uint8Array(Buffer.concat([Buffer.from(index), json])).buffer, indexBytes, jsonBytes: json.length };
}

test('a sound piece gives its keys and values, and their sum', () => {
  const { packed, keyCount, keySum } = check({});
  assert.ok(packed !== undefined);
  assert.deepEqual([keyCount, keySum], [2, addTerm(keyTerm('b', 2, null), keyTerm('c"', 9, 30))]);
  const values = new KeyValues();
  values.restorePacked(packed, keySum);
  assert.equal(values.keySum, keySum);
  const expected = [
    ['b', { value: '1.0', seq: 2, tag: 0xfeed0002, timeMs: 20, expiresAtMs: null }],
    ['c"', { value: 'null', seq: 9, tag: 0xfeed0009, timeMs: -5, expiresAtMs: 30 }],
  ];
  assert.deepEqual(values.slice({}, 9).entries, expected);
});

test('a piece that is not UTF-8 is left to a reading without help', () => {
  const bytes = new Uint8Array(Buffer.from(',\n"b":"\xff"', 'latin1'));
  const crc = crc32(bytes.subarray(-3));
  const entry = { key: 'b', seq: 2, tag: 0xfeed0002, timeMs: 20, expiresAtMs: null, offset: 106, sizeBytes: 3, crc };
  const before = { lastKey: 'a', jsonOffset: 100 };
  const checked = checkEntries({ ...pieceOf(encodeIndexLine(entry), bytes), before, form: FORM, seqMax: 9 });
  assert.equal(checked.packed, undefined);
});

test('nothing is given of a piece that is not sound', () => {
  const unsound = [
    { lastKey: 'b' }, { seqMax: 8 }, { lines: LINES.toReversed() }, { lines: [LINES[0] ?? '', '[]\n'] }, { lines: LINES.slice(1) },
    { json: JSON_TEXT.replace('1.0', '1.1') }, { json: JSON_TEXT.replace('"b"', '"B"') },
    { json: JSON_TEXT.slice(0, -1) }, { json: `${JSON_TEXT}x` },
    { lines: LINES.map((line) => line.replace(',106,', ',107,')) }, { json: JSON_TEXT.replace(',\n"c', ';\n"c') },
  ];
  for (const change of unsound) {
    const { packed, keyCount } = check(change);
    assert.deepEqual([packed, keyCount], [undefined, 0], JSON.stringify(change));
  }
});

test.run();
