import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import type { KeyChange } from '../../../src/projections/snapshot/key-change.js';
import { GroupCursor, mergeChanges } from '../../../src/projections/snapshot/merge-changes.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { flatten } from './snapshot-fixture.js';

const test = suite('projections/snapshot/merge-changes');

/** A stream in groups of a size, with empty groups between them, that counts when it is ended. */
async function* stream<T>(items: readonly T[], size: number, ended: { count: number } = { count: 0 }): AsyncGenerator<readonly T[]> {
  try {
    for (let start = 0; start < items.length; start += size) {
      await Promise.resolve();
      yield [];
      yield items.slice(start, start + size);
    }
  } finally {
    ended.count += 1;
  }
}

function changes(keys: readonly string[], seq: number): KeyChange[] {
  return [...new Set(keys)].sort(compareUtf8).map((key) => ({ key, seq, set: undefined }));
}

test('a cursor visits each element once, for groups of any size', async () => {
  for (const size of [1, 2, 5, 100]) {
    const ended = { count: 0 };
    const cursor = await GroupCursor.open(stream([1, 2, 3, 4, 5], size, ended));
    const seen: number[] = [];
    for (let { current } = cursor; current !== undefined; { current } = cursor) {
      seen.push(current);
      if (cursor.step()) await cursor.load();
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    await cursor.close();
    assert.equal(ended.count, 1);
  }
});

test('each key occurs once, in the order of UTF-8 bytes, with its highest seq', async () => {
  const keys = fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(fc.array(keys, { maxLength: 6 }), fc.integer({ min: 1, max: 5 }), async (lists, size) => {
    const ended = { count: 0 };
    const streams = lists.map((list, index) => stream(changes(list, index + 1), size, ended));
    const model = new Map(lists.flatMap((list, index) => list.map((key) => [key, index + 1] as const)));
    const expected = [...model].sort(([a], [b]) => compareUtf8(a, b));
    assert.deepEqual((await flatten(mergeChanges(streams))).map(({ key, seq }) => [key, seq]), expected);
    assert.equal(ended.count, lists.length);
  }));
});

test('of two changes with the same seq the later one wins', async () => {
  const older: KeyChange = { key: 'a', seq: 3, set: { timeMs: 1, crc: 1, place: { segment: 1, offset: 1, sizeBytes: 1 }, value: '1' } };
  const newer: KeyChange = { key: 'a', seq: 3, set: undefined };
  assert.deepEqual(await flatten(mergeChanges([stream([older], 1), stream([newer], 1)])), [newer]);
});

test('groups have a bounded size, and leaving a merge early ends its streams', async () => {
  const ended = { count: 0 };
  const keys = Array.from({ length: 2500 }, (_, index) => String(index));
  const sizes: number[] = [];
  for await (const group of mergeChanges([stream(changes(keys, 1), 100, ended)])) sizes.push(group.length);
  assert.deepEqual(sizes, [1000, 1000, 500]);
  for await (const group of mergeChanges([stream(changes(keys, 1), 1, ended), stream(changes(keys, 2), 1, ended)])) {
    if (group.length > 0) break;
  }
  assert.equal(ended.count, 3);
});

test.run();
