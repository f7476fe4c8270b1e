import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import {
  BlockPacker, type ChangeBlock, decodeBlock, type KeyChange, type KeyedChange, roomFor, writeRecord,
} from '../../../src/projections/snapshot/change-block.js';
import { mergeChanges, mergeWithStored } from '../../../src/projections/snapshot/merge-changes.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { flatten, setChange } from './snapshot-fixture.js';

const test = suite('projections/snapshot/merge-changes');

/** A block of changes. */
function blockOf(changes: readonly KeyedChange[]): ChangeBlock {
  const bytes = Buffer.alloc(changes.reduce((sum, change) => sum + roomFor(change), 0));
  let end = 0;
  for (const change of changes) end = writeRecord(change, bytes, end);
  return { bytes: bytes.subarray(0, end), value: undefined };
}

/** A stream in blocks of so many changes that counts when it is ended. */
async function* stream(changes: readonly KeyedChange[], size: number, ended = { count: 0 }): AsyncGenerator<ChangeBlock> {
  try {
    for (let start = 0; start < changes.length; start += size) {
      await Promise.resolve();
      yield blockOf(changes.slice(start, start + size));
    }
  } finally {
    ended.count += 1;
  }
}

async function decoded(blocks: AsyncIterable<ChangeBlock>): Promise<KeyChange[]> {
  const changes: KeyChange[] = [];
  for await (const block of blocks) changes.push(...(await keyChangesIn(block)));
  return changes;
}

async function keyChangesIn(block: ChangeBlock): Promise<KeyChange[]> {
  return (await decodeBlock(block)).filter((change) => change.kind !== 'range');
}

function deletions(keys: readonly string[], seq: number): KeyedChange[] {
  return [...new Set(keys)].sort(compareUtf8).map((key) => ({ kind: 'delete', key, seq }));
}

test('each key occurs once, in the order of UTF-8 bytes, with its newest change', async () => {
  const keys = fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(fc.array(keys, { maxLength: 9 }), fc.integer({ min: 1, max: 5 }), async (lists, size) => {
    const ended = { count: 0 };
    const streams = lists.map((list, index) => stream(deletions(list, index + 1), size, ended));
    const model = new Map(lists.flatMap((list, index) => list.map((key) => [key, index + 1] as const)));
    const expected = [...model].sort(([a], [b]) => compareUtf8(a, b));
    assert.deepEqual((await decoded(mergeChanges(streams))).map(({ key, seq }) => [key, seq]), expected);
    assert.equal(ended.count, lists.length);
  }));
});

test('leaving a merge early ends its streams', async () => {
  const ended = { count: 0 };
  const keys = Array.from({ length: 30_000 }, (_, index) => String(index));
  for await (const { bytes } of mergeChanges([stream(deletions(keys, 1), 99, ended), stream(deletions(keys, 2), 99, ended)])) {
    if (bytes.length > 0) break;
  }
  assert.equal(ended.count, 2);
});

test('a change replaces the stored value of its key, and a deletion removes it', async () => {
  const unchanged = { seq: 1, tag: 3, timeMs: 5, expiresAtMs: null, offset: 1, sizeBytes: 1, crc: 1, value: Buffer.from('1') };
  const stored = ['a', 'c', 'e', '\ue000', '\u{10000}'].map((key) => ({ key, ...unchanged }));
  const changes = [
    setChange('b', '2', 2), ...deletions(['c', 'd'], 4), setChange('e', '5', 5), setChange('\uffff', '6', 6),
  ];
  for (const size of [1, 2, 9]) {
    const inStored = async function* (): AsyncGenerator<typeof stored> {
      for (let start = 0; start < stored.length; start += size) {
        await Promise.resolve();
        yield [];
        yield stored.slice(start, start + size);
      }
    };
    const merged = await flatten(mergeWithStored(inStored(), stream(changes, size)));
    const expected = [['a', 1, '1'], ['b', 2, '2'], ['e', 5, '5'], ['\ue000', 1, '1'], ['\uffff', 6, '6'], ['\u{10000}', 1, '1']];
    assert.deepEqual(merged.map(({ key, seq, value }) => [key, seq, value.toString()]), expected);
  }
});

test('groups have a bounded number of keys and bytes', async () => {
  const small = Array.from({ length: 2500 }, (_, index) => setChange(String(10_000 + index), '1', 1));
  const sizes = async (changes: readonly KeyedChange[]): Promise<number[]> => {
    const found: number[] = [];
    for await (const group of mergeWithStored(stored(), stream(changes, 400))) found.push(group.length);
    return found;
  };
  const stored = async function* (): AsyncGenerator<never[]> { yield await Promise.resolve([]); };
  assert.deepEqual(await sizes(small), [1000, 1000, 500]);
  const large = Array.from({ length: 5 }, (_, index) => setChange(String(index), 'v'.repeat(2_100_000), 1));
  assert.deepEqual(await sizes(large), [2, 2, 1]);
});

test('a packer fills blocks of a limited size, and keeps the value of a larger record apart', async () => {
  const changes = [1, 150_000, 120_000, 400_000, 2].map((sizeBytes, index) => setChange(`k${index}`, 'v'.repeat(sizeBytes), index + 1));
  const packer = new BlockPacker();
  const { bytes } = blockOf(changes);
  let at = 0;
  for (const change of changes) {
    packer.add(bytes, at);
    at += blockOf([change]).bytes.length;
  }
  const blocks = packer.takeAll();
  assert.deepEqual(blocks.map((block) => block.value !== undefined), [false, false, true, false]);
  assert.ok(blocks.every((block) => block.bytes.length <= 262_144));
  const found = (await Promise.all(blocks.map(keyChangesIn))).flat();
  const expected = changes.map((change) => (change.kind === 'set' ? [change.key, change.seq, change.timeMs, change.value] : []));
  assert.deepEqual(found.map(({ key, seq, timeMs, value }) => [key, seq, timeMs, value?.toString()]), expected);
  assert.deepEqual(packer.takeAll(), []);
});

test.run();
