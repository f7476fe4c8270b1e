/** Rows of which many share the upper bits of their hashes, or all of them. */
import assert from 'node:assert/strict';
import { HashDirectory } from '../../../src/projections/key-index/hash-directory.js';
import { suite } from '../../suite.js';

const test = suite('projections/key-index/hash-directory');
const COUNT = 30_000;
const HASH_VALUES = 2 ** 32;

/** A directory of rows whose keys are their numbers. */
function directoryOf(hashOf: (row: number) => number): { readonly directory: HashDirectory; readonly find: (row: number) => number } {
  const directory = new HashDirectory({ keyHashOf: hashOf, hasKey: (row, key) => String(row) === key });
  return { directory, find: (row) => directory.find(hashOf(row), String(row)) };
}

const HASHES: Readonly<Record<string, (row: number) => number>> = {
  'spread hashes': (row) => (row * 2_654_435_761) % HASH_VALUES,
  'hashes that fill one segment': (row) => (row * 131) % 65_536,
  'few hashes': (row) => row % 500,
};

for (const [name, hashOf] of Object.entries(HASHES)) {
  for (const reserved of [0, COUNT / 3, COUNT]) {
    test(`rows that are added for later are found, added to and removed: ${name}, room for ${reserved}`, () => {
      const { directory, find } = directoryOf(hashOf);
      const other = directoryOf(hashOf);
      for (const one of [directory, other.directory]) one.reserve(reserved);
      const count = name === 'few hashes' ? 2000 : COUNT;
      for (let row = 0; row < count; row += 1) {
        if (row % 3 === 2) directory.add(hashOf(row), row);
        else directory.addLater(hashOf(row), row);
        other.directory.add(hashOf(row), row);
      }
      assert.equal(find(count), -1);
      for (let row = 0; row < count; row += 1) assert.equal(find(row), row);
      assert.equal(directory.allocatedBytes, other.directory.allocatedBytes);
      for (let row = 0; row < count; row += 2) directory.remove(hashOf(row), row);
      for (let row = 0; row < count; row += 1) assert.equal(find(row), row % 2 === 0 ? -1 : row);
    });
  }
}

test('rows that are only added for later can be removed before anything is found', () => {
  const hashOf = HASHES['spread hashes'] ?? assert.fail();
  const { directory, find } = directoryOf(hashOf);
  directory.reserve(COUNT);
  for (let row = 0; row < COUNT; row += 1) directory.addLater(hashOf(row), row);
  for (let row = 0; row < COUNT; row += 5) directory.remove(hashOf(row), row);
  for (let row = 0; row < COUNT; row += 1) assert.equal(find(row), row % 5 === 0 ? -1 : row);
});

test.run();
