import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { findUtf8Fault } from '../../src/http/utf8-fault.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('utf8-fault');

test('findUtf8Fault() returns the offset of the first invalid sequence', () => {
  const table: readonly (readonly [string, number])[] = [
    ['ff', 0],
    ['61ff', 1],
    ['c080', 0],
    ['eda080', 0],
    ['f4908080', 0],
    ['e282', 0],
    ['61e282', 1],
    ['c3a9c3', 2],
    ['80', 0],
    ['f09f98', 0],
    ['e0808061', 0],
  ];
  for (const [hex, offset] of table) assert.equal(findUtf8Fault(Buffer.from(hex, 'hex')), offset, hex);
});

test('findUtf8Fault() agrees with the engine on valid text', () => {
  const byte = fc.constantFrom(0x61, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      const offset = findUtf8Fault(buffer);
      assert.equal(offset === buffer.length, isUtf8(buffer));
      assert.equal(isUtf8(buffer.subarray(0, offset)), true);
    }),
  );
});

test.run();
