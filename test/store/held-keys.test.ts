/** Keys whose versions are fixed while they change, move, and leave memory and disk. */
import assert from 'node:assert/strict';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ValueCache } from '../../src/projections/value-cache.js';
import { touchedSinceSnapshot, versionsInSnapshot } from '../../src/projections/value-place.js';
import type { HeldKeys } from '../../src/store/held-keys.js';
import { type Admission, KEPT_UNITS_MAX, PIECE_VALUE_BYTES_MAX } from '../../src/store/project-reads.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { inGroups, SnapshotShelf } from './snapshot-shelf.js';

const test = suite('held-keys');

const HALF_PIECE = `"${'x'.repeat(PIECE_VALUE_BYTES_MAX / 2)}"`;

class Fixture {
  readonly log = new PlacedLog({ linesPerSegment: 2 });
  readonly shelf = new SnapshotShelf();
  readonly store: ProjectStore;

  private constructor(isCaching: boolean) {
    const model = new ProjectModel({ isCaching });
    this.store = new ProjectStore({ log: this.log, model, readSnapshotValue: this.shelf.readValue, cache: new ValueCache(1) });
  }

  static async with(isCaching: boolean, values: Readonly<Record<string, string>> = {}): Promise<Fixture> {
    const fixture = new Fixture(isCaching);
    await fixture.store.submit(create(), CONTEXT);
    for (const [key, value] of Object.entries(values)) await fixture.store.submit(set(key, value), CONTEXT);
    return fixture;
  }

  /** Moves all values to a snapshot and takes the files away in which they were, as a compaction does. */
  async compact(): Promise<void> {
    const { point, index } = await this.shelf.take(this.store);
    await this.store.reads.relocate(versionsInSnapshot(inGroups(index, 2), point.seq), touchedSinceSnapshot(() => false));
    await this.store.reads.settleReads();
    for (const seq of this.shelf.generations.keys()) if (seq < point.seq) this.shelf.generations.delete(seq);
    this.log.dropSegments(point.seq);
  }
}

const atOnce: Admission = () => undefined;

/** Reads from a position to the end: the values of the keys that existed. */
async function readOn(held: HeldKeys, first = 0): Promise<readonly string[]> {
  const values: string[] = [];
  for (let at = first, isOver = false; !isOver;) {
    const { entries, doneCount, isLast } = await held.read(at, atOnce);
    values.push(...entries.map(([, { value }]) => value));
    at += doneCount;
    isOver = isLast;
  }
  held.release();
  return values;
}

for (const isCaching of [true, false]) {
  const where = isCaching ? 'in memory' : 'on disk';

  test(`values ${where} are those of the moment of the hold, whatever happens to their keys`, async () => {
    const { store } = await Fixture.with(isCaching, { a: '1', b: '2', c: '3', d: '4' });
    const held = store.reads.hold(['d', 'none', 'a', 'b', 'a', 'c']);
    assert.deepEqual(held.versions.map((version) => version?.seq ?? 0), [5, 0, 2, 3, 2, 4]);
    await store.submit(set('a', '"new"'), CONTEXT);
    await store.submit(set('a', '"newer"'), CONTEXT);
    await store.submit(remove('b'), CONTEXT);
    await store.submit(set('b', '"again"'), CONTEXT);
    await store.submit(set('none', '"made"'), CONTEXT);
    const steps = [{ op: 'set' as const, key: 'd', value: '"batched"' }, { op: 'delete' as const, key: 'c', ifExists: true }];
    await store.submit({ type: 'batch', steps }, CONTEXT);
    await store.submit({ type: 'clear' }, CONTEXT);
    await store.submit(set('c', '"after"'), CONTEXT);
    assert.deepEqual(await readOn(held), ['4', '1', '2', '1', '3']);
    assert.equal(store.values.get('a'), undefined);
  });

  test(`pieces of values ${where} are limited, and have a value at least`, async () => {
    const { store } = await Fixture.with(isCaching, { a: HALF_PIECE, b: HALF_PIECE, c: '3', d: `"${'y'.repeat(PIECE_VALUE_BYTES_MAX)}"` });
    const held = store.reads.hold(['a', 'c', 'b', 'd', 'none']);
    const counts: number[] = [];
    for (let at = 0; at < 5;) {
      const { doneCount, isLast } = await held.read(at, atOnce);
      counts.push(doneCount);
      at += doneCount;
      assert.equal(isLast, at === 5);
    }
    assert.deepEqual(counts, [2, 1, 1, 1]);
    held.release();
  });
}

test('memory is reserved before values are loaded, and the same versions are read after a wait', async () => {
  const { store, log } = await Fixture.with(false, { a: '"old"' });
  const held = store.reads.hold(['a']);
  let admit: () => void = () => undefined;
  const asked: number[] = [];
  const reading = held.read(0, (sizeBytes) => {
    asked.push(sizeBytes);
    return asked.length === 1 ? new Promise<void>((resolve) => { admit = resolve; }) : undefined;
  });
  assert.equal(log.reads.length, 0);
  await store.submit(set('a', '"other"'), CONTEXT);
  admit();
  assert.deepEqual((await reading).entries.map(([, { value }]) => value), ['"old"']);
  assert.deepEqual(asked, [5, 5]);
  held.release();
});

test('values on disk are read although a compaction takes their files away, before and after their keys change', async () => {
  const fixture = await Fixture.with(false, { a: '1', b: '2', c: '3', d: '4', e: '5' });
  const { store } = fixture;
  const held = store.reads.hold(['a', 'b', 'c', 'd', 'e']);
  await store.submit(set('a', '"new"'), CONTEXT);
  await store.submit(remove('b'), CONTEXT);
  await fixture.compact();
  await store.submit(set('c', '"new"'), CONTEXT);
  await fixture.compact();
  await store.submit(set('d', '"new"'), CONTEXT);
  assert.deepEqual(await readOn(held), ['1', '2', '3', '4', '5']);
});

test('values on disk are read although their project leaves the disk', async () => {
  const fixture = await Fixture.with(false, { a: '1', b: '2' });
  const { store, log } = fixture;
  const held = store.reads.hold(['a', 'b']);
  await store.submit(set('a', '"new"'), CONTEXT);
  store.setCaching(true);
  await store.reads.loadAll();
  log.segments.clear();
  await store.submit(set('b', '"new"'), CONTEXT);
  assert.deepEqual(await readOn(held), ['1', '2']);
});

test('a value that cannot be loaded before its file goes fails the read of it, and not the removal', async () => {
  const fixture = await Fixture.with(false, { a: '1', b: '2' });
  const { store, log } = fixture;
  const held = store.reads.hold(['b', 'a']);
  await store.submit(set('a', '"new"'), CONTEXT);
  log.segments.clear();
  await store.reads.settleReads();
  await assert.rejects(async () => await held.read(0, atOnce), isRefusal('project_corrupt'));
  held.release();
});

test('the oldest hold is given up when too much is kept: it refuses to be read, and others are read on', async () => {
  const { store } = await Fixture.with(true, {});
  const value = `"${'x'.repeat(KEPT_UNITS_MAX / 2)}"`;
  for (const key of ['a', 'b', 'c']) await store.submit(set(key, value), CONTEXT);
  const held = store.reads.hold(['a', 'b', 'c']);
  const later = store.reads.hold(['c']);
  await store.submit(remove('a'), CONTEXT);
  await store.submit(remove('b'), CONTEXT);
  assert.throws(() => held.read(0, atOnce), isRefusal('busy'));
  held.release();
  // What the first kept counts no more.
  await store.submit(remove('c'), CONTEXT);
  assert.deepEqual((await readOn(later)).map(({ length }) => length), [value.length]);
});

test('a released hold is informed of nothing', async () => {
  const { store } = await Fixture.with(true, { a: '1' });
  const held = store.reads.hold(['a']);
  held.release();
  held.release();
  await store.submit(remove('a'), CONTEXT);
  assert.throws(() => held.read(0, atOnce), isRefusal('busy'));
});

test('any changes during a read leave what it reads as it was', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('batch' as const), key, other: key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
  );
  await fc.assert(fc.asyncProperty(fc.boolean(), fc.array(change, { maxLength: 25 }), async (isCaching, changes) => {
    const fixture = await Fixture.with(isCaching, { a: HALF_PIECE, b: HALF_PIECE, c: HALF_PIECE });
    const { store } = fixture;
    const asked = ['c', 'd', 'a', 'b', 'a'];
    const held = store.reads.hold(asked);
    const expected = [4, 0, 2, 3, 2];
    assert.deepEqual(held.versions.map((version) => version?.seq ?? 0), expected);
    let at = 0;
    const seen: number[] = [];
    const readPiece = async (): Promise<void> => {
      if (at === asked.length) return;
      const { entries, doneCount } = await held.read(at, atOnce);
      for (const [, { seq, value }] of entries) {
        assert.ok(value === HALF_PIECE);
        seen.push(seq);
      }
      at += doneCount;
    };
    for (const [number, one] of changes.entries()) {
      if (one.kind === 'set') await store.submit(set(one.key, String(number)), CONTEXT);
      else if (one.kind === 'delete') await store.submit(remove(one.key), CONTEXT).catch(() => undefined);
      else if (one.kind === 'batch') {
        const steps = [
          { op: 'set' as const, key: one.key, value: String(number) },
          { op: 'delete' as const, key: one.other, ifExists: false },
          { op: 'set' as const, key: one.key, value: '"twice"' },
        ];
        await store.submit({ type: 'batch', steps }, CONTEXT);
      } else if (one.kind === 'clear') await store.submit({ type: 'clear' }, CONTEXT);
      else if (one.kind === 'compact') await fixture.compact();
      else await readPiece();
    }
    while (at < asked.length) await readPiece();
    held.release();
    assert.deepEqual(seen, expected.filter((seq) => seq > 0));
  }), { numRuns: 60 });
});

test.run();
