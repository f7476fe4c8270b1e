import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InvariantError } from '../../src/base/invariant.js';
import { encodeEvent } from '../../src/events/codec.js';
import { placeInSnapshot, placeOfSetValue } from '../../src/projections/value-place.js';
import { suite } from '../suite.js';

const test = suite('value-place');

test('the value of a set is the last of its fields, counted in bytes', () => {
  for (const value of ['1', '"ü😀"', '{"value":1}', `"${'x'.repeat(5000)}"`]) {
    const body = Buffer.from(encodeEvent({ op: 'set', key: 'é"value":', value }).body);
    const place = placeOfSetValue({ segment: 7, offset: 1000, sizeBytes: body.length }, value);
    assert.deepEqual([place.file, place.crc, place.sizeBytes], [7, crc32(Buffer.from(value)), Buffer.byteLength(value)]);
    assert.equal(body.subarray(place.offset - 1000, place.offset - 1000 + place.sizeBytes).toString(), value);
  }
});

test('a value is shorter than the fields that contain it', () => {
  assert.throws(() => placeOfSetValue({ segment: 1, offset: 0, sizeBytes: 3 }, '"a"'), InvariantError);
});

test('the sign distinguishes a snapshot from a segment', () => {
  const entry = { offset: 5_000_000_000, sizeBytes: 3, crc: 9 };
  assert.deepEqual(placeInSnapshot(12, entry), { file: -12, ...entry });
  assert.throws(() => placeInSnapshot(0, entry), InvariantError);
});

test.run();
