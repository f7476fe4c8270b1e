import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type CheckedEntries, checkEntries, ENTRY_COLUMNS } from '../../../src/projections/snapshot/checked-entries.js';
import { encodeIndexLine } from '../../../src/projections/snapshot/index-format.js';
import { keyTerm } from '../../../src/projections/key-sum.js';
import { suite } from '../../suite.js';

const test = suite('projections/snapshot/checked-entries');
const LINES = [
  encodeIndexLine({ key: 'b', seq: 2, timeMs: 20, offset: 106, sizeBytes: 3, crc: crc32('1.0') }),
  encodeIndexLine({ key: 'c"', seq: 9, timeMs: -5, offset: 117, sizeBytes: 4, crc: crc32('null') }),
];
const JSON_TEXT = ',\n"b":1.0,\n"c\\"":null';

interface Change {
  readonly lines?: readonly string[];
  readonly json?: string;
  readonly lastKey?: string;
  readonly seqMax?: number;
}

function check(change: Change): CheckedEntries {
  const { lines = LINES, json = JSON_TEXT, lastKey = 'a', seqMax = 9 } = change;
  const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
  return checkEntries({ index: bytesOf(lines.join('')), json: bytesOf(json), before: { lastKey, jsonOffset: 100 }, seqMax });
}

test('a sound piece says where its keys and values are, and their sum', () => {
  const { isSound, keyCount, keySum, columns } = check({});
  assert.deepEqual([isSound, keyCount, keySum], [true, 2, keyTerm('b', 2) + keyTerm('c"', 9)]);
  const second = LINES[0]?.length ?? 0;
  assert.deepEqual([...columns], [1, 4, 6, 9, 2, 20, second + 1, second + 6, 17, 21, 9, -5]);
  assert.equal(columns.length, 2 * ENTRY_COLUMNS);
});

test('nothing is given of a piece that is not sound', () => {
  const unsound = [
    { lastKey: 'b' }, { seqMax: 8 }, { lines: LINES.toReversed() }, { lines: [LINES[0] ?? '', '[]\n'] }, { lines: LINES.slice(1) },
    { json: JSON_TEXT.replace('1.0', '1.1') }, { json: JSON_TEXT.replace('"b"', '"B"') },
    { json: JSON_TEXT.slice(0, -1) }, { json: `${JSON_TEXT}x` },
    { lines: LINES.map((line) => line.replace(',106,', ',107,')) }, { json: JSON_TEXT.replace(',\n"c', ';\n"c') },
  ];
  for (const change of unsound) {
    const { isSound, keyCount, columns } = check(change);
    assert.deepEqual([isSound, keyCount, columns.length], [false, 0, 0], JSON.stringify(change));
  }
});

test.run();
