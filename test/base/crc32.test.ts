import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { crcOfRange, crcOfText } from '../../src/base/crc32.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('base/crc32');
const initial = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('the checksum of a range is that of node:zlib, whatever its length and place', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 9 }), initial, (content, start, before) => {
    const bytes = Buffer.concat([Buffer.alloc(start, 1), content, Buffer.alloc(3, 2)]);
    assert.equal(crcOfRange({ bytes, start, end: start + content.length }, before), crc32(content, before));
  }));
  const long = Buffer.from(Uint8Array.from({ length: 1000 }, (_, index) => (index * 31) % 256));
  for (const end of [0, 1, 7, 8, 9, 399, 400, 401, 1000]) {
    assert.equal(crcOfRange({ bytes: long, start: 0, end }), crc32(long.subarray(0, end)));
  }
});

test('the checksum of a text is that of its UTF-8 bytes', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), initial, (text, before) => {
    assert.equal(crcOfText(text, before), crc32(text, before));
  }));
  for (const text of ['', 'v'.repeat(400), 'v'.repeat(401), `${'v'.repeat(500)}é`]) assert.equal(crcOfText(text), crc32(text));
});

test.run();
