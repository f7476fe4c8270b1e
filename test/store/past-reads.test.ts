import assert from 'node:assert/strict';
import type { PastEntry, PastState } from '../../src/store/past-state.js';
import { countFitting, PastReads } from '../../src/store/past-reads.js';
import { suite } from '../suite.js';

const test = suite('past-reads');

const PIECE_BYTES = 131_072;
const SIZES: Readonly<Record<string, number>> = { a: 3, b: PIECE_BYTES, c: 5 };

function entryOf(key: string): PastEntry {
  return { key, seq: 2, tag: 7, timeMs: 9, expiresAtMs: null, sizeBytes: SIZES[key] ?? 0 };
}

/** A state of three keys, of which the second has a value as large as a piece. */
const STATE: PastState = {
  seq: 4, timeMs: 9, count: 3,
  get: (key) => Promise.resolve(SIZES[key] === undefined ? undefined : entryOf(key)),
  countIn: () => Promise.resolve(3),
  slice: ({ after = '' }, limit) => {
    const keys = Object.keys(SIZES).filter((key) => key > after);
    return Promise.resolve({ entries: keys.slice(0, limit).map(entryOf), isLast: keys.length <= limit });
  },
  load: (entries) => Promise.resolve(entries.map(({ key }) => `"${key}"`)),
};
const reads = new PastReads(STATE);

test('a piece ends before a value that does not fit, and has one at least', async () => {
  const first = await reads.readPiece({}, 3);
  assert.deepEqual([first.entries.map(([key, { value }]) => [key, value]), first.doneCount, first.isLast], [[['a', '"a"']], 1, false]);
  const second = await reads.readPiece({ after: 'a' }, 3);
  assert.deepEqual([second.entries.map(([key]) => key), second.isLast], [['b'], false]);
  const last = await reads.readPiece({ after: 'b' }, 3);
  assert.deepEqual([last.entries.map(([key]) => key), last.isLast], [['c'], true]);
});

test('names need no values, and members are text behind commas', async () => {
  assert.deepEqual(await reads.readNames({ after: 'a' }, 1), ['b']);
  const { text, lastKey, isLast } = await reads.readMembers({ after: 'b' }, 3);
  assert.deepEqual([text.toString(), lastKey, isLast], [',"c":"c"', 'c', true]);
});

test('given keys are read in their order, those that did not exist are left out', async () => {
  const { entries, doneCount, isLast } = await reads.readKeys(['none', 'c', 'a', 'b']);
  assert.deepEqual([entries.map(([key]) => key), doneCount, isLast], [['c', 'a'], 3, false]);
});

test('memory is reserved before values are loaded, however often that has to be waited for', async () => {
  const asked: number[] = [];
  const admit = (sizeBytes: number): Promise<void> | undefined => (asked.push(sizeBytes) < 3 ? Promise.resolve() : undefined);
  await reads.readPiece({ after: 'b' }, 1, admit);
  assert.deepEqual(asked, [5, 5, 5]);
});

test('of sizes as many fit as their sum allows, and one at least', () => {
  assert.deepEqual([[], [PIECE_BYTES + 1, 1], [1, PIECE_BYTES - 1, 1], [1, 2]].map(countFitting), [0, 1, 2, 2]);
});

test.run();
