import assert from 'node:assert/strict';
import { FRAMES, type FeedEvent, LINES, piecesOf, portionsOf, type StreamForm } from '../../../src/http/events/event-frames.js';
import { suite } from '../../suite.js';

const test = suite('event-frames');

/** An event whose line has that many bytes. */
function eventOf(seq: number, sizeBytes: number): FeedEvent {
  const hash = String(seq).padStart(64, 'a');
  const text = Buffer.alloc(sizeBytes, `${seq}é`);
  return { seq, timeMs: 0, op: 'set', actor: 'a', hash, previousHash: '', text, bodyStart: 0, bodyEnd: 0 };
}

function bytesOf(events: readonly FeedEvent[], form: StreamForm): Buffer {
  return Buffer.concat([...portionsOf(events)].flatMap((portion) => piecesOf(portion, form)));
}

const SIZES = [30, 20_000, 16_384, 16_385, 5, 60_000, ...Array.from({ length: 40 }, () => 9000)];
const EVENTS = SIZES.map((size, index) => eventOf(index + 1, size));

test('portions hold each event once and in order, a long one alone, and end soon after 64 KiB', () => {
  const portions = [...portionsOf(EVENTS)];
  assert.deepEqual(portions.flat(), EVENTS);
  assert.deepEqual(portions.slice(0, 6).map((portion) => portion.map(({ seq }) => seq)), [
    [1], [2], [3], [4], [5], [6],
  ]);
  assert.deepEqual(portions.slice(6).map(({ length }) => length), [8, 8, 8, 8, 8]);
  assert.deepEqual([...portionsOf([])], []);
});

test('lines are the text with a line feed, and frames name the event before it', () => {
  assert.deepEqual(bytesOf(EVENTS, LINES), Buffer.concat(EVENTS.flatMap(({ text }) => [text, Buffer.from('\n')])));
  assert.deepEqual(bytesOf(EVENTS, FRAMES), Buffer.concat(EVENTS.flatMap(({ seq, hash, text }) => [
    Buffer.from(`id: ${seq}-${hash.slice(0, 8)}\nevent: set\ndata: `), text, Buffer.from('\n\n'),
  ])));
});

test('the bytes of a list of short events are made once for each form, and the text of a long event is not copied', () => {
  const short = [eventOf(1, 100), eventOf(2, 100)];
  const [portion = []] = [...portionsOf(short)];
  assert.equal(portion, short);
  assert.equal(piecesOf(portion, FRAMES)[0], piecesOf(portion, FRAMES)[0]);
  assert.notEqual(piecesOf(portion, LINES)[0], piecesOf(portion, FRAMES)[0]);
  const long = [eventOf(3, 20_000)];
  assert.equal(piecesOf(long, FRAMES)[1], long[0]?.text);
});

test.run();
