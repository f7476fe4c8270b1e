/** A disk that is nearly full, as its watcher reports it. */
import assert from 'node:assert/strict';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { Command } from '../../src/store/command.js';
import { ProjectStore } from '../../src/store/project-store.js';
import type { DiskSpaceForGrowth } from '../../src/store/disk-space-for-growth.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set, submitWatched } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';

const test = suite('disk-space-for-growth');

/** Answers as the test says, and writes down what it was asked. */
class Space implements DiskSpaceForGrowth {
  largestBytes = Number.POSITIVE_INFINITY;
  looking: Promise<void> | undefined;
  failure: Error | undefined;
  /** What was looked at the disk for. */
  readonly looked: number[] = [];
  /** What was decided on. */
  readonly asked: number[] = [];

  refresh(bytes: number): void | Promise<void> {
    this.looked.push(bytes);
    if (this.failure !== undefined) throw this.failure;
    return this.looking;
  }

  allowsGrowth(bytes: number): boolean {
    this.asked.push(bytes);
    if (bytes > this.largestBytes) return false;
    this.largestBytes -= bytes;
    return true;
  }
}

function storeOf(space: Space, log: Log = new PlacedLog()): ProjectStore {
  return new ProjectStore({ log, model: new ProjectModel(), space });
}

async function outcomes(store: ProjectStore, commands: readonly Command[]): Promise<string[]> {
  const all = commands.map((command) => submitWatched(store, command));
  await Promise.all(all.map(({ settled: end }) => end));
  return all.map(({ outcome }) => outcome);
}

test('free space is checked once a turn for growth, and each change is judged by its own size', async () => {
  const space = new Space();
  const store = storeOf(space);
  await store.submit(create(), CONTEXT);
  space.looked.length = 0;
  space.asked.length = 0;
  const batch: readonly Command[] = [set('a', '1'.repeat(1000)), set('b', '1'.repeat(500)), remove('a'), { type: 'clear' }];
  assert.deepEqual(await outcomes(store, batch), ['done', 'done', 'done', 'done']);
  assert.deepEqual([space.looked, space.asked], [[2 * 256 + 2 + 1500], [256 + 1 + 1000, 256 + 1 + 500]]);
});

test('without space all growth is refused, and the rest of the batch runs', async () => {
  const space = new Space();
  const store = storeOf(space);
  await store.submit(create(), CONTEXT);
  await store.submit(set('a'), CONTEXT);
  space.largestBytes = 0;
  for (const looking of [undefined, Promise.resolve()]) {
    space.looking = looking;
    assert.deepEqual(await outcomes(store, [set('b'), { type: 'project.key', keyId: null }, set('a', '2', { kind: 'match' })]), [
      'disk_full', 'done', 'disk_full',
    ]);
  }
  const batch: readonly Command[] = [set('a', '2', { kind: 'absent' }), remove('a'), set('c'), remove('c'), { type: 'clear' }];
  assert.deepEqual(await outcomes(store, batch), ['precondition_failed', 'done', 'disk_full', 'key_not_found', 'done']);
  space.largestBytes = 1000;
  assert.deepEqual(await outcomes(store, [set('b')]), ['done']);
});

test('a change that is too large for what is left is refused with both figures, and smaller ones beside it are taken', async () => {
  const space = new Space();
  const store = storeOf(space);
  await store.submit(create(), CONTEXT);
  space.largestBytes = 1000;
  const large = set('large', '1'.repeat(2000));
  assert.deepEqual(await outcomes(store, [large, set('a'), set('b'), large]), ['disk_full', 'done', 'done', 'disk_full']);
  await assert.rejects(store.submit(large, CONTEXT), /it needs 2261 bytes, but only 484 are available beyond the reserve for deletes/);
  assert.deepEqual(await outcomes(store, [set('c'), set('d')]), ['done', 'disk_full'], 'what is allowed in a turn counts in that turn');
});

test('free space is not checked without growth', async () => {
  const space = new Space();
  const store = storeOf(space);
  await store.submit(create(), CONTEXT);
  space.looked.length = 0;
  space.asked.length = 0;
  await outcomes(store, [remove('a'), { type: 'clear' }, { type: 'project.key', keyId: null }]);
  assert.deepEqual([space.looked, space.asked], [[], []]);
});

test('a project that there is no space for is not created, and nothing else happens to it', async () => {
  const space = new Space();
  const store = storeOf(space);
  space.largestBytes = 0;
  const batch: readonly Command[] = [create(), { type: 'clear' }, set('a')];
  assert.deepEqual(await outcomes(store, batch), ['disk_full', 'disk_full', 'disk_full']);
  space.allowsGrowth = (bytes) => bytes !== 256;
  assert.deepEqual(await outcomes(store, batch), ['disk_full', 'disk_full', 'disk_full'], 'though the last would fit');
  assert.equal(store.seq, 0);
  space.allowsGrowth = () => true;
  assert.deepEqual(await outcomes(store, [create(), set('a')]), ['done', 'done']);
});

test('free space is not checked for a log in memory, until it is replaced by one on disk', async () => {
  const space = new Space();
  space.largestBytes = 0;
  const store = storeOf(space, new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef' }));
  assert.deepEqual(await outcomes(store, [create({ on_disk: false }), set('a')]), ['done', 'done']);
  assert.deepEqual([space.looked, space.asked], [[], []]);
  const release = await store.hold();
  store.replaceLog(new PlacedLog({ base: { seq: store.seq, hash: store.hash } }));
  release();
  await assert.rejects(store.submit(set('b'), CONTEXT), isRefusal('disk_full'));
});

test('what is decided rests on the state after the look, and a failing look fails the batch', async () => {
  const space = new Space();
  const store = storeOf(space);
  await store.submit(create(), CONTEXT);
  let answer = (): void => undefined;
  space.looking = new Promise((resolve) => {
    answer = resolve;
  });
  const first = submitWatched(store, set('a'));
  await settled();
  const second = submitWatched(store, set('a', '2', { kind: 'absent' }));
  answer();
  await Promise.all([first.settled, second.settled]);
  assert.deepEqual([first.outcome, second.outcome], ['done', 'precondition_failed']);
  space.failure = new Error('no disk');
  assert.deepEqual(await outcomes(store, [set('b'), remove('a')]), ['other', 'other']);
  space.failure = undefined;
  assert.deepEqual(await outcomes(store, [set('b')]), ['done']);
});

test.run();
