import assert from 'node:assert/strict';
import { decodeEventLine, encodeEventLine, genesisHash, claimedDurable } from '../../src/log/line-format.js';
import { decodeHeaderLine, decodeSealLine, encodeHeaderLine, encodeSealLine, looksLikeSeal } from '../../src/log/segment-format.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { draft, hashByHand, hashIn, LOG_ID, PROJECT, sha256 } from './file/log-fixture.js';

const test = suite('line-format');
const PREVIOUS = 'a'.repeat(64);
const STAMP = { seq: 5, timeMs: 1_700_000_000_123, durable: 3, salt: 'AAAAAAAAAAAAAAAAAAAAAA' };
const DUE = { seq: 5, previousHash: PREVIOUS, durable: 3, segment: 4, offset: 1000 };

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replace(/\n$/, ''));
}

test('the genesis hash is that of format, project and log id', () => {
  assert.equal(genesisHash('p', 'x'), sha256('simplekv/1\np\nx'));
});

test('an event line has its fields in order, and a hash that can be computed by hand', () => {
  const { text, hash } = encodeEventLine(draft(1), STAMP, PREVIOUS);
  assert.equal(
    text.slice(0, -67),
    '{"seq":5,"time":"2023-11-14T22:13:20.123Z","op":"set","actor":"global#0123456789abcdef","request":"r1","durable":3,'
      + '"salt":"AAAAAAAAAAAAAAAAAAAAAA","key":"k1","value":{"n":1},"hash":"',
  );
  assert.equal(text.trimEnd().length - text.lastIndexOf(',"hash":'), 75);
  assert.equal(hash, hashByHand(text.trimEnd(), PREVIOUS));
});

test('every draft comes back from its line, character for character', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((one) => !/["\\\p{Cc}\p{Surrogate}]/u.test(one));
  const drafts = fc.record({
    op: fc.stringMatching(/^[a-z_.]{1,12}$/), actor: text, request: text,
    body: fc.tuple(
      fc.string({ unit: 'grapheme' }).filter((key) => !/\p{Surrogate}/u.test(key)), fc.json(),
    ).map(([key, value]) => `"key":${JSON.stringify(key)},"value":${value}`),
  });
  fc.assert(fc.property(drafts, fc.nat({ max: 1_000_000_000_000 }), (one, timeMs) => {
    const stamp = { ...STAMP, timeMs };
    const encoded = encodeEventLine(one, stamp, PREVIOUS);
    const decoded = decodeEventLine(bytesOf(encoded.text), DUE);
    assert.ok(decoded.ok);
    const { hash, place, ...line } = decoded.value;
    assert.equal(hash.length, 64);
    const bytes = Buffer.from(encoded.text);
    assert.equal(bytes.length, encoded.sizeBytes);
    assert.deepEqual(place, { segment: 4, offset: 1000 + encoded.bodyOffset, sizeBytes: encoded.bodyBytes });
    assert.equal(bytes.toString('utf8', encoded.bodyOffset, encoded.bodyOffset + encoded.bodyBytes), one.body);
    assert.deepEqual(line, { ...one, seq: 5, timeMs, durable: 3 });
  }), { seed: 7 });
});

test('a line that no reader accepts is never written', () => {
  const bad = [
    () => encodeEventLine({ ...draft(1), op: 'SET' }, STAMP, PREVIOUS),
    () => encodeEventLine({ ...draft(1), actor: 'a"' }, STAMP, PREVIOUS),
    () => encodeEventLine({ ...draft(1), body: '"a":1\n' }, STAMP, PREVIOUS),
    () => encodeEventLine({ ...draft(1), body: '' }, STAMP, PREVIOUS),
    () => encodeEventLine(draft(1), { ...STAMP, durable: 5 }, PREVIOUS),
    () => encodeEventLine(draft(1), { ...STAMP, seq: 0, durable: -1 }, PREVIOUS),
    () => encodeEventLine(draft(1), { ...STAMP, timeMs: 1e15 }, PREVIOUS),
    () => encodeEventLine(draft(1), STAMP, 'short'),
    () => encodeHeaderLine({ format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 0, previousHash: PREVIOUS }),
  ];
  for (const [index, write] of bad.entries()) assert.throws(write, { name: 'InvariantError' }, String(index));
});

test('a line is refused for each thing that makes it another line', () => {
  const line = bytesOf(encodeEventLine(draft(1), STAMP, PREVIOUS).text);
  const refused = (bytes: Buffer, due = DUE): string => {
    const decoded = decodeEventLine(bytes, due);
    assert.ok(!decoded.ok);
    return decoded.fault.expected;
  };
  assert.match(refused(Buffer.alloc(0)), /ends with its hash/);
  assert.match(refused(line.subarray(1)), /^hash /);
  assert.match(refused(line, { ...DUE, previousHash: 'b'.repeat(64) }), /^hash /);
  assert.match(refused(line, { ...DUE, seq: 6 }), /^seq 6/);
  assert.match(refused(line, { ...DUE, durable: 4 }), /^durable from 4 to 4/);
  const header = encodeHeaderLine({ format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 1, previousHash: PREVIOUS });
  assert.match(refused(bytesOf(header)), /a salt/);
});

test('every changed bit of a line is found', () => {
  const line = bytesOf(encodeEventLine(draft(1), STAMP, PREVIOUS).text);
  for (let bit = 0; bit < line.length * 8; bit += 1) {
    const changed = Buffer.from(line);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(decodeEventLine(changed, DUE).ok, false, `bit ${bit}`);
  }
});

test('no input makes a decoder throw', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }), fc.string().map((text) => Buffer.from(`{"seq":1,"salt":"${text}","hash":"${'0'.repeat(64)}"}`)),
  );
  fc.assert(fc.property(anything, (array) => {
    const bytes = Buffer.from(array);
    assert.equal(decodeEventLine(bytes, DUE).ok, false);
    assert.equal(decodeHeaderLine(bytes).ok, false);
    assert.equal(decodeSealLine(bytes, DUE).ok, false);
    assert.equal(claimedDurable(bytes), 0);
  }), { seed: 7 });
});

test('a header and a seal decode to what was encoded, and are hashed by the same rule', () => {
  const header = { format: 1, project: PROJECT, logId: LOG_ID, firstSeq: 9, previousHash: PREVIOUS } as const;
  const headerLine = encodeHeaderLine(header);
  assert.deepEqual(decodeHeaderLine(bytesOf(headerLine)), { ok: true, value: header });
  assert.equal(hashIn(headerLine.trimEnd()), hashByHand(headerLine.trimEnd(), PREVIOUS));
  const seal = { sealedName: '00000000000000000001.jsonl', nextSeq: 5, nextName: 'p1.jsonl' };
  const sealLine = encodeSealLine(seal, PREVIOUS);
  assert.ok(looksLikeSeal(bytesOf(sealLine)) && !looksLikeSeal(bytesOf(headerLine)));
  assert.deepEqual(decodeSealLine(bytesOf(sealLine), DUE), { ok: true, value: seal });
});

test('a header of a newer format is distinguished from damage, whatever else is in it', () => {
  assert.deepEqual(decodeHeaderLine(Buffer.from('{"format":"simplekv/3"}')), { ok: true, value: { unknownFormat: 'simplekv/3' } });
  for (const text of ['{"format":"simplekv/1"}', '{"format":"simplekv/01"}', '{"format":"simplekv/x"}', '{"format":"other/2"}', '{}']) {
    assert.equal(decodeHeaderLine(Buffer.from(text)).ok, false, text);
  }
});

test('a claim of durability is read from whole and damaged lines, and only from their beginning', () => {
  const { text } = encodeEventLine(draft(1), STAMP, PREVIOUS);
  assert.equal(claimedDurable(Buffer.from(text)), 3);
  assert.equal(claimedDurable(Buffer.from(text.slice(40, 200))), 3);
  assert.equal(claimedDurable(Buffer.from(`${'x'.repeat(1024)}${text}`)), 0);
  assert.equal(claimedDurable(Buffer.from('"durable":12345678901234567,"salt":')), 0);
});

test.run();
