import assert from 'node:assert/strict';
import { keyHash, secretKeyHash } from '../../../src/projections/key-index/key-hash.js';
import { suite } from '../../suite.js';

const test = suite('key-hash');

/** HalfSipHash-1-3 of the bytes 0, 1, 2, … with the key 00 01 … 07, as the Linux kernel tests its own: for 0, 2, 4 and 6 bytes. */
const KNOWN = ['5814c896', 'bc4b0e30', '7e059ea6', 'a0080b65'];

test('it is HalfSipHash-1-3 of the UTF-16 code units', () => {
  const hash = keyHash(0x03020100, 0x07060504);
  for (const [units, expected] of KNOWN.entries()) {
    const key = String.fromCharCode(...Array.from({ length: units }, (_, unit) => unit * 2 + ((unit * 2 + 1) << 8)));
    assert.equal(hash(key).toString(16), expected);
  }
});

test('the bytes of an ASCII key have the hash of its text', () => {
  const hash = secretKeyHash();
  for (let length = 0; length < 40; length += 1) {
    const key = String.fromCharCode(...Array.from({ length }, (_, index) => (index * 37 + length) % 128));
    assert.equal(hash({ bytes: Buffer.from(`é${key}b`), start: 2, end: 2 + length }), hash(key));
  }
});

test('another secret gives another hash, and every bit of it', () => {
  const [one, other] = [secretKeyHash(), secretKeyHash()];
  const keys = Array.from({ length: 1000 }, (_, number) => `k${number}`);
  assert.ok(keys.filter((key) => one(key) === other(key)).length <= 1);
  for (let bit = 0; bit < 32; bit += 1) {
    const set = keys.filter((key) => ((one(key) >>> bit) & 1) === 1).length;
    assert.ok(set > 350 && set < 650, `bit ${bit} is set in ${set} of 1000`);
  }
});

test('keys that differ in trailing zeros, length or one unit have different hashes', () => {
  const hash = keyHash(1, 2);
  const keys = ['', '\0', '\0\0', '\0\0\0', 'a', 'a\0', 'aa', '\u0100', '\u0001'];
  assert.equal(new Set(keys.map(hash)).size, keys.length);
});

test.run();
