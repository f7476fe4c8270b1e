import assert from 'node:assert/strict';
import { decodeEventLine, encodeEventLine } from '../../src/log/line-format.js';
import { LineScan } from '../../src/log/line-scan.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { draft, sealByHand } from './file/log-fixture.js';

const test = suite('log/line-scan');
const PREVIOUS = 'a'.repeat(64);
const DUE = { seq: 5, previousHash: PREVIOUS, durable: 3, segment: 4, offset: 1000 };

/** The patterns of a line, written down a second time. */
const LINE = new RegExp(
  String.raw`^\{"seq":([1-9]\d*),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","op":"([a-z_.]+)","actor":"([^"\\]*)",` +
    String.raw`"request":"([^"\\]*)","durable":(0|[1-9]\d*),"salt":"[0-9A-Za-z_-]{22}",(.*),"hash":"(.{64})"\}$`,
  's',
);

const plain = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !/["\\\p{Cc}\p{Surrogate}]/u.test(one));

/** Lines as they are written, some of them changed in a place or two. */
const lines = fc.record({
  seq: fc.oneof(fc.constant(5), fc.integer({ min: 4, max: 2 ** 53 - 1 })),
  timeMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  op: fc.stringMatching(/^[a-z_.]{1,12}$/), actor: plain, request: plain, value: fc.json(),
  changes: fc.array(fc.record({ at: fc.nat(), to: fc.constantFrom('"', '\\', '0', 'x', ',', '\u0007', '', 'é', '-') }), { maxLength: 2 }),
}).map(({ seq, timeMs, op, actor, request, value, changes }) => {
  const body = `"key":"k","value":${value}`;
  const stamp = { seq, timeMs, durable: 3, salt: 'AAAAAAAAAAAAAAAAAAAAAA' };
  const { text } = encodeEventLine({ op, actor, request, body }, stamp, PREVIOUS);
  const changed = changes.reduce((line, { at, to }) => {
    const place = at % (line.length - 75);
    return `${line.slice(0, place)}${to}${line.slice(place + 1)}`;
  }, text.trimEnd());
  // Half of a pair of surrogates has no bytes of its own.
  return Buffer.from(changed).toString();
});

function find(line: string): LineScan | undefined {
  const bytes = Buffer.from(`##${line}\n{"seq":`);
  const scan = new LineScan();
  return scan.find(bytes, 2, 2 + Buffer.byteLength(line)) ? scan : undefined;
}

test('a line that is found matches the patterns, field by field', () => {
  let found = 0;
  fc.assert(fc.property(lines, (line) => {
    const scan = find(line);
    if (scan === undefined) return;
    found += 1;
    const bytes = Buffer.from(`##${line}`);
    const [, seq, time = '', op, actor, request, durable, body, hash] = LINE.exec(line) ?? assert.fail(line);
    const text = (from: number, to: number): string => bytes.toString('utf8', from, to);
    assert.equal(String(scan.seq), seq);
    assert.equal(scan.timeMs, Date.parse(time));
    assert.equal(String(scan.durable), durable);
    assert.equal(text(scan.opStart, scan.opEnd), op);
    assert.equal(text(scan.actorStart, scan.actorEnd), actor);
    assert.equal(text(scan.requestStart, scan.requestEnd), request);
    assert.equal(text(scan.bodyStart, scan.bodyEnd), body);
    assert.equal(text(scan.hashStart, scan.hashStart + 64), hash);
    assert.ok(text(scan.saltStart, scan.bodyStart).startsWith(',"salt":"'));
  }));
  assert.ok(found > 0);
});

test('every line of the writer is found, unless its seq has 16 digits', () => {
  fc.assert(fc.property(plain, fc.integer({ min: 4, max: 2 ** 53 - 1 }), (actor, seq) => {
    const stamp = { seq, timeMs: 1_700_000_000_123, durable: 3, salt: 'AAAAAAAAAAAAAAAAAAAAAA' };
    const { text } = encodeEventLine({ ...draft(1), actor, request: actor }, stamp, PREVIOUS);
    assert.equal(find(text.trimEnd()) !== undefined, seq < 1e15);
  }));
});

test('times that do not exist are not found, whatever the line before had', () => {
  const { text } = encodeEventLine(draft(1), { seq: 5, timeMs: 1_700_000_000_123, durable: 3, salt: 'AAAAAAAAAAAAAAAAAAAAAA' }, PREVIOUS);
  const bytes = (time: string): Buffer => Buffer.from(text.trimEnd().replace(/"time":"[^"]*"/, `"time":"${time}"`));
  const scan = new LineScan();
  // The end of a day may be written as its 24th hour, without seconds: such lines go the slow way.
  for (const time of ['2023-11-14T24:00:05.000Z', '2023-11-14T24:00:00.001Z', '2023-11-14T22:13:60.000Z',
    '2023-13-14T22:13:20.000Z', '2023-11-14T22:61:20.000Z', '2023-11-14 22:13:20.000Z',
    '2023-11-14T22:13:20.0000', '2023-11-14T22:13:20,000Z', '2023-11-14T22:13:2x.000Z', '2023-11-14T22:13:20.0x0Z', '\0'.repeat(24)]) {
    assert.equal(scan.find(bytes('2023-11-14T22:13:20.000Z'), 0, text.length - 1), true);
    assert.equal(scan.find(bytes(time), 0, text.length - 1), false, time);
    assert.equal(scan.find(bytes(time), 0, text.length - 1), false, time);
  }
});

test('whatever a line is, the fields of a sound one are those that its patterns give', () => {
  fc.assert(fc.property(lines, (line) => {
    const sound = sealByHand(line, PREVIOUS);
    const match = LINE.exec(sound);
    const decoded = decodeEventLine(Buffer.from(sound), DUE);
    const isDue = match !== null && match[1] === '5' && match[6] === '3' && !Number.isNaN(Date.parse(match[2] ?? ''));
    assert.equal(decoded.ok, isDue, sound);
    if (!decoded.ok) return;
    const { timeMs, op, actor, request, body, hash } = decoded.value;
    const wanted = [Date.parse(match?.[2] ?? ''), match?.[3], match?.[4], match?.[5], match?.[7], match?.[8]];
    assert.deepEqual([timeMs, op, actor, request, body, hash], wanted);
  }));
});

test.run();
