import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InvariantError } from '../../src/base/invariant.js';
import { encodeEvent } from '../../src/events/codec.js';
import { placeInSnapshot, placeOfSetValue, placesOfValues } from '../../src/projections/value-place.js';
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

test('the value of each change of a batch is where its bytes are', () => {
  const ops = [
    { op: 'set', key: 'é","value":', value: '"ü😀"' }, { op: 'delete', key: '😀' }, { op: 'set', key: '\\', value: '{"value":[1.0]}' },
  ] as const;
  const body = Buffer.from(encodeEvent({ op: 'batch', ops }).body);
  const places = placesOfValues({ op: 'batch', ops }, { segment: 7, offset: 1000, sizeBytes: body.length });
  const texts = places.map((place) => place && body.subarray(place.offset - 1000, place.offset - 1000 + place.sizeBytes).toString());
  assert.deepEqual(texts, ['"ü😀"', undefined, '{"value":[1.0]}']);
  assert.deepEqual(places.map((place) => place?.crc), texts.map((text) => (text === undefined ? undefined : crc32(text))));
  assert.ok(places.every((place) => place === undefined || place.file === 7));
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
