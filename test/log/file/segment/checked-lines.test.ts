import assert from 'node:assert/strict';
import { type CheckedLines, checkLines, placeLines } from '../../../../src/log/file/segment/checked-lines.js';
import type { LogLine } from '../../../../src/log/log.js';
import { textOf } from '../../../../src/base/byte-scan.js';
import { encodeEventLine } from '../../../../src/log/line-format.js';
import { suite } from '../../../suite.js';
import { draft, sealByHand } from '../log-fixture.js';

const test = suite('log/file/segment/checked-lines');
const GENESIS = 'a'.repeat(64);
const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';

interface Wanted {
  readonly seq: number;
  readonly durable?: number;
  readonly op?: string;
  readonly request?: string;
}

/** Lines chained to one another. */
function linesOf(wanted: readonly Wanted[]): string[] {
  let previous = GENESIS;
  return wanted.map(({ seq, durable = 0, op = 'set', request = 'r' }) => {
    const { text, hash } = encodeEventLine({ ...draft(seq), op, request }, { seq, timeMs: seq * 1000, durable, salt: SALT }, previous);
    previous = hash;
    return text;
  });
}

function check(lines: readonly string[]): CheckedLines {
  return checkLines({ bytes: Uint8Array.from(Buffer.from(lines.join(''))), previousHash: GENESIS });
}

const DUE = { segment: 5, offset: 700, seq: 5, previousHash: GENESIS, durable: 2 };

test('sound lines are all counted, and the piece says where they begin and end', () => {
  const lines = linesOf([{ seq: 5, durable: 2 }, { seq: 6, durable: 4, op: 'delete' }, { seq: 7, durable: 4 }]);
  const { count, firstSeq, firstDurable, durable, hash, ops, timesMs } = check(lines);
  assert.deepEqual([count, firstSeq, firstDurable, durable, ops], [3, 5, 2, 4, ['set', 'delete']]);
  assert.ok(lines[2]?.includes(hash));
  assert.deepEqual([...timesMs.slice(0, 3)], [5000, 6000, 7000]);
});

test('lines are counted up to the first one that is not the next of the chain', () => {
  const [one = '', two = '', three = ''] = linesOf([{ seq: 5 }, { seq: 6 }, { seq: 7 }]);
  assert.equal(check([one, three]).count, 1);
  assert.equal(check([two, three]).count, 0);
  assert.equal(check([one, two.replace('"n":6', '"n":8'), three]).count, 1);
  assert.equal(check([one, `${sealByHand(two.trimEnd().replace('"seq":6', '"seq":7'), check([one]).hash)}\n`, three]).count, 1);
  assert.equal(check([one, '\n', two]).count, 1);
  assert.equal(check([one, two.slice(0, -1)]).count, 1);
});

test('lines of a piece that is not UTF-8 offer no bytes, only text', () => {
  const [line = ''] = linesOf([{ seq: 5, durable: 2 }]);
  const placed = (piece: Buffer): LogLine | undefined => (
    placeLines(checkLines({ bytes: Uint8Array.from(piece), previousHash: GENESIS }), DUE)?.lines[0]
  );
  const sound = placed(Buffer.from(line));
  assert.equal(sound?.bodyRange && textOf(sound.bodyRange), sound?.body);
  const other = placed(Buffer.concat([Buffer.from(line), Buffer.from([0xff, 0x0a])]));
  assert.deepEqual([other?.bodyRange, other?.body], [undefined, sound?.body]);
});

test('a line tells how the id of its request begins, without text of it', () => {
  const lines = linesOf(['idem:order-7', 'ide', ''].map((request, index) => ({ seq: 5 + index, durable: 2, request })));
  const placed = placeLines(check(lines), DUE)?.lines ?? [];
  assert.deepEqual(placed.map(({ request }) => request), ['idem:order-7', 'ide', '']);
  assert.deepEqual(placed.map((line) => line.requestBeginsWith?.(Buffer.from('idem:'))), [true, false, false]);
  assert.deepEqual(placed.map((line) => line.requestBeginsWith?.(Buffer.from('ide'))), [true, true, false]);
});

test('a durable that goes back, or proves its own line, ends the lines', () => {
  assert.equal(check(linesOf([{ seq: 5, durable: 3 }, { seq: 6, durable: 2 }])).count, 1);
  const [one = '', two = ''] = linesOf([{ seq: 5 }, { seq: 6 }]);
  const forged = sealByHand(two.trimEnd().replace('"durable":0', '"durable":6'), check([one]).hash);
  assert.equal(check([one, `${forged}\n`]).count, 1);
});

test('placed lines have their place in the segment', () => {
  const lines = linesOf([{ seq: 5, durable: 2 }, { seq: 6, durable: 2 }]);
  const checked = check(lines);
  const placed = placeLines(checked, DUE);
  assert.deepEqual(placed?.next, { segment: 5, offset: 700 + lines.join('').length, seq: 7, previousHash: checked.hash, durable: 2 });
  for (const { place, body, seq } of placed?.lines ?? []) {
    assert.ok(place);
    assert.equal(lines.join('').slice(place.offset - 700, place.offset - 700 + place.sizeBytes), body);
    assert.equal(body, draft(seq).body);
  }
});

test('lines that do not continue the log are not placed', () => {
  const checked = check(linesOf([{ seq: 5, durable: 2 }]));
  assert.equal(placeLines(checked, { ...DUE, seq: 4 }), undefined);
  assert.equal(placeLines(checked, { ...DUE, durable: 3 }), undefined);
  assert.equal(placeLines(check([]), DUE), undefined);
});

test.run();
