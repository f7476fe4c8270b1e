import assert from 'node:assert/strict';
import { randomHexId, randomSalt } from '../../src/base/random-id.js';
import { suite } from '../suite.js';

const test = suite('random-id');

/** More than three blocks of random bytes. */
const MANY = 2000;

test('a salt is 128 bits in 22 characters of the base64url alphabet', () => {
  for (let round = 0; round < MANY; round += 1) {
    const salt = randomSalt();
    assert.match(salt, /^[0-9A-Za-z_-]{22}$/);
    assert.equal(Buffer.from(salt, 'base64url').length, 16);
  }
});

test('a hexadecimal id is 128 bits in 32 lower-case digits', () => {
  for (let round = 0; round < MANY; round += 1) assert.match(randomHexId(), /^[0-9a-f]{32}$/);
});

test('no value repeats, across both kinds and block refills', () => {
  const seen = new Set<string>();
  for (let round = 0; round < MANY; round += 1) {
    seen.add(Buffer.from(randomSalt(), 'base64url').toString('hex'));
    seen.add(randomHexId());
  }
  assert.equal(seen.size, 2 * MANY);
});

test('an id does not change when its block is refilled', () => {
  const drawn = Array.from({ length: MANY }, () => randomHexId());
  const copies = drawn.map((id) => [...id].join(''));
  for (let round = 0; round < MANY; round += 1) randomSalt();
  assert.deepEqual(drawn, copies);
});

test('no byte is used twice: consecutive ids overlap only by chance', () => {
  const ids = Array.from({ length: MANY }, () => randomHexId());
  let matchCount = 0;
  for (const [index, id] of ids.entries()) {
    const next = ids[index + 1] ?? '';
    for (let digits = 2; digits < id.length; digits += 2) if (next !== '' && next.startsWith(id.slice(-digits))) matchCount += 1;
  }
  // One byte in 256 matches, so about eight are expected.
  assert.ok(matchCount < 50, `${matchCount} matches`);
});

test('every bit is random: each is set in about half of the ids', () => {
  const counts = Array.from({ length: 128 }, () => 0);
  for (let round = 0; round < MANY; round += 1) {
    const bits = BigInt(`0x${randomHexId()}`).toString(2).padStart(128, '0');
    for (const [index, bit] of [...bits].entries()) counts[index] = (counts[index] ?? 0) + Number(bit);
  }
  // Over eight standard deviations from one half, which a fair bit practically never reaches.
  for (const [index, count] of counts.entries()) {
    assert.ok(Math.abs(count - MANY / 2) < 200, `bit ${index} is set ${count} times of ${MANY}`);
  }
});

test.run();
