import assert from 'node:assert/strict';
import { compareUtf8 } from '../../../src/base/compare-utf8.js';
import type { DirectedRange } from '../../../src/events/key-range.js';
import { GenerationKeys, type MarkedGeneration } from '../../../src/projections/snapshot/generation-keys.js';
import { MarkMaker } from '../../../src/projections/snapshot/index-marks.js';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import type { FaultDisk } from '../../disk/fault-disk.js';
import { isWithin } from '../../events/plain-range.js';
import { fc } from '../../properties.js';
import { suite } from '../../suite.js';
import { build, emptyDisk, FOLDER, LOG_ID, setChange } from './snapshot-fixture.js';

const test = suite('projections/snapshot/generation-keys');

const SEQ = 1000;
/** Two or three lines. */
const TINY_BLOCK_BYTES = 150;

/** Writes a generation, and opens it. */
async function generationOf(
  entries: readonly (readonly [key: string, value: string])[], blockBytes = TINY_BLOCK_BYTES,
): Promise<{ readonly disk: FaultDisk; readonly keys: GenerationKeys; readonly generation: MarkedGeneration }> {
  const disk = emptyDisk();
  const marks = new MarkMaker(blockBytes);
  const changes = entries.map(([key, value], index) => setChange(key, value, index + 1));
  const data = await build(disk, { seq: SEQ, previous: undefined, scratch: { bytesMax: 1_000_000, marks } }, changes);
  const generation = { ...data, seq: SEQ, logId: LOG_ID, marks: marks.marks };
  return { disk, generation, keys: new GenerationKeys({ disk, folder: FOLDER, generation }) };
}

const arbitraryKey = fc.oneof(
  fc.constantFrom('a', 'b', 'ba', 'bb', 'c/"\\', 'é', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u2028', 'k'.repeat(300)),
  fc.integer({ min: 0, max: 30 }).map((number) => `key/${number}`),
);
const arbitraryRange: fc.Arbitrary<DirectedRange> = fc.record(
  {
    prefix: fc.constantFrom('', 'b', 'key/', 'key/1', 'z', '\u{10000}'), start: arbitraryKey, end: arbitraryKey, after: arbitraryKey,
    reverse: fc.boolean(),
  },
  { requiredKeys: [], noNullPrototype: true },
);

function expectedIn(keys: readonly string[], range: DirectedRange): string[] {
  const { after, reverse = false } = range;
  const isBehind = (key: string): boolean => after === undefined || (reverse ? compareUtf8(key, after) < 0 : compareUtf8(key, after) > 0);
  const found = keys.filter((key) => isWithin(key, range) && isBehind(key)).sort(compareUtf8);
  return reverse ? found.reverse() : found;
}

test('keys, counts, slices and values are those that were written, whatever the range', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(arbitraryKey, { maxLength: 40 }), arbitraryRange, fc.integer({ min: 1, max: 12 }), async (
      names, range, limit,
    ) => {
      const { keys } = await generationOf(names.map((key) => [key, JSON.stringify(`value of ${key}`)]));
      assert.equal(keys.count, names.length);
      const expected = expectedIn(names, range);
      const { after: _after, reverse: _reverse, ...bounds } = range;
      assert.equal(await keys.countIn(bounds), names.filter((key) => isWithin(key, bounds)).length);
      const { entries, isLast } = await keys.slice(range, limit);
      assert.deepEqual(entries.map(({ key }) => key), expected.slice(0, limit));
      assert.equal(isLast, expected.length <= limit);
      assert.deepEqual(await keys.load(entries), entries.map(({ key }) => JSON.stringify(`value of ${key}`)));
      for (const key of ['a', 'key/7', 'none']) {
        const entry = await keys.get(key);
        assert.equal(entry?.key, names.includes(key) ? key : undefined);
        assert.equal(entry?.seq, names.includes(key) ? names.indexOf(key) + 1 : undefined);
      }
      await keys.close();
    }),
    { numRuns: 150 },
  );
});

test('neighbours are loaded with one read, and values that lie apart with one each', async () => {
  const value = JSON.stringify('x'.repeat(1000));
  const entries = Array.from({ length: 40 }, (_, index) => [`k${String(index).padStart(2, '0')}`, value] as const);
  const { disk, keys } = await generationOf(entries, 1_000_000);
  const { entries: all } = await keys.slice({}, 100);
  const readsOf = async (wanted: typeof all): Promise<number> => {
    const before = disk.calls.filter(({ method }) => method === 'read').length;
    assert.equal((await keys.load(wanted)).length, wanted.length);
    return disk.calls.filter(({ method }) => method === 'read').length - before;
  };
  assert.equal(await readsOf(all), 1);
  assert.equal(await readsOf([...all].reverse()), 1);
  assert.equal(await readsOf([all[0], all[20], all[39]].filter((entry) => entry !== undefined)), 3);
  await keys.close();
});

test('a changed byte is found when its block or its value is read, and not before', async () => {
  const entries = Array.from({ length: 30 }, (_, index) => [`k${index}`, `"value ${index}"`] as const);
  for (const [part, text, read] of [
    ['index', '["k7"', (keys: GenerationKeys) => keys.get('k7')],
    ['json', '"value 7"', async (keys: GenerationKeys) => keys.load((await keys.slice({ prefix: 'k7' }, 1)).entries)],
  ] as const) {
    const { disk, keys } = await generationOf(entries);
    const file = disk.tree.file(`${FOLDER}/snap-${String(SEQ).padStart(20, '0')}.${part}`);
    file.bytes.write('8', file.bytes.indexOf(text) + text.indexOf('7'));
    assert.equal((await keys.get('k1'))?.key, 'k1');
    await assert.rejects(read(keys), SnapshotCorruptError);
    await keys.close();
  }
});

test('files that are gone count as damage', async () => {
  const { disk, keys } = await generationOf([['a', '1']]);
  const entry = await keys.get('a');
  await keys.close();
  await disk.unlink(`${FOLDER}/snap-${String(SEQ).padStart(20, '0')}.json`);
  await assert.rejects(keys.load(entry === undefined ? [] : [entry]), SnapshotCorruptError);
});

test('a scratch generation that exceeds its size is refused, leaves nothing, and syncs nothing', async () => {
  const disk = emptyDisk();
  const changes = Array.from({ length: 10 }, (_, index) => setChange(`k${index}`, '"0123456789"', index + 1));
  const scratch = (bytesMax: number): object => ({ scratch: { bytesMax, marks: new MarkMaker() } });
  await assert.rejects(build(disk, { seq: SEQ, previous: undefined, ...scratch(300) }, changes), { code: 'state_too_large' });
  assert.deepEqual([...disk.tree.folder(FOLDER).names.keys()], []);
  await build(disk, { seq: SEQ, previous: undefined, ...scratch(3000) }, changes);
  assert.equal(disk.calls.filter(({ method }) => method === 'datasync').length, 0);
});

test.run();
