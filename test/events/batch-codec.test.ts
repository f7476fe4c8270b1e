import assert from 'node:assert/strict';
import { decodeBatchBody, encodeBatchBody, valueOffsetsIn } from '../../src/events/batch-codec.js';
import { setsValue } from '../../src/events/event.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { arbitraryKeyChanges } from './arbitrary-events.js';

const test = suite('batch-codec');

test('values come back token for token, and lie where their offsets say', () => {
  fc.assert(fc.property(arbitraryKeyChanges, (ops) => {
    const body = encodeBatchBody({ op: 'batch', ops });
    assert.deepEqual(decodeBatchBody(body), { op: 'batch', ops });
    const bytes = Buffer.from(body);
    for (const [index, offset] of valueOffsetsIn({ op: 'batch', ops }).entries()) {
      const op = ops[index];
      if (op === undefined || !setsValue(op)) assert.equal(offset, undefined);
      else assert.equal(bytes.toString('utf8', offset, (offset ?? 0) + Buffer.byteLength(op.value)), op.value);
    }
  }));
});

test('a text with any other byte is not taken for a batch that it is not', () => {
  const edit = fc.record({ at: fc.nat(), to: fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', ' ', 'a', '') });
  const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(arbitraryKeyChanges, edits, (ops, edited) => {
    let body = encodeBatchBody({ op: 'batch', ops });
    for (const { at, to } of edited) body = `${body.slice(0, at % body.length)}${to}${body.slice((at % body.length) + 1)}`;
    const decoded = decodeBatchBody(body);
    if (decoded !== undefined) assert.equal(encodeBatchBody(decoded), body);
  }));
});

test('anything that is not in canonical form is refused', () => {
  const bad = [
    '', '"ops":[', '"ops":[]', '"ops":[{}]', '"ops":[{"op":"set","key":"a"}]', '"ops":[{"op":"set","key":"a","value":}]',
    '"ops":[{"op":"delete","key":"a"},]', '"ops":[{"op":"delete","key":"a"}],"x":1', '"ops":[{"op":"delete","key":""}]',
    '"ops":[{"op":"delete","key":"\\u0061"}]', '"ops": [{"op":"delete","key":"a"}]', '"ops":[{"op":"touch","key":"a"}]',
    '"ops":[{"op":"delete","key":1}]', '"ops":[{"op":"set","value":1,"key":"a"}]', '"ops":[{"op":"set","key":"a","value": 1}]',
    '"ops":[{"op":"delete","key":"a"},{"op":"set","key":"a","value":1}]', '"ops":[{"op":"expire","key":"a"}]',
    '"ops":[{"op":"touch","expires_at":"2026-13-01T00:00:00.000Z","key":"a"}]', '"ops":[{"op":"touch","expires_at":1,"key":"a"}]',
    '"ops":[{"op":"set.until","expires_at":null,"key":"a","value":1}]', '"ops":[{"op":"set","expires_at":null,"key":"a","value":1}]',
  ];
  for (const body of bad) assert.equal(decodeBatchBody(body), undefined, body);
});

test.run();
