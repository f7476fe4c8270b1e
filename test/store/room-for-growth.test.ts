/** A disk that is nearly full, as somebody who watches it says. */
import assert from 'node:assert/strict';
import type { Log } from '../../src/log/log.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import type { Command } from '../../src/store/command.js';
import { ProjectStore } from '../../src/store/project-store.js';
import type { RoomForGrowth } from '../../src/store/room-for-growth.js';
import { suite } from '../suite.js';
import { CONTEXT, create, isRefusal, remove, set, submitWatched } from './created-store.js';
import { PlacedLog } from './placed-log.js';
import { settled } from './scripted-log.js';

const test = suite('room-for-growth');

/** Answers as the test says, and writes down what it was asked. */
class Room implements RoomForGrowth {
  answer: boolean | Promise<boolean> = true;
  failure: Error | undefined;
  readonly asked: number[] = [];

  allowsGrowth(bytes: number): boolean | Promise<boolean> {
    this.asked.push(bytes);
    if (this.failure !== undefined) throw this.failure;
    return this.answer;
  }
}

function storeOf(room: Room, log: Log = new PlacedLog()): ProjectStore {
  return new ProjectStore({ log, model: new ProjectModel(), room });
}

async function outcomes(store: ProjectStore, commands: readonly Command[]): Promise<string[]> {
  const all = commands.map((command) => submitWatched(store, command));
  await Promise.all(all.map(({ settled: end }) => end));
  return all.map(({ outcome }) => outcome);
}

test('once a turn it is asked for room for the bytes of what grows', async () => {
  const room = new Room();
  const store = storeOf(room);
  await store.submit(create(), CONTEXT);
  room.asked.length = 0;
  const batch: readonly Command[] = [set('a', '1'.repeat(1000)), set('b', '1'.repeat(500)), remove('a'), { type: 'clear' }];
  assert.deepEqual(await outcomes(store, batch), ['done', 'done', 'done', 'done']);
  assert.deepEqual(room.asked, [2 * 256 + 2 + 1500]);
});

test('without room everything that grows is refused, and the rest of the batch goes on', async () => {
  const room = new Room();
  const store = storeOf(room);
  await store.submit(create(), CONTEXT);
  await store.submit(set('a'), CONTEXT);
  for (const answer of [false, Promise.resolve(false)]) {
    room.answer = answer;
    assert.deepEqual(await outcomes(store, [set('b'), { type: 'project.key', keyId: null }, set('a', '2', { kind: 'absent' })]), [
      'disk_full', 'done', 'disk_full',
    ]);
  }
  const batch: readonly Command[] = [remove('a'), set('c'), remove('c'), { type: 'clear' }];
  assert.deepEqual(await outcomes(store, batch), ['done', 'disk_full', 'key_not_found', 'done']);
  room.answer = true;
  assert.deepEqual(await outcomes(store, [set('b')]), ['done']);
});

test('what does not grow is not asked for', async () => {
  const room = new Room();
  const store = storeOf(room);
  await store.submit(create(), CONTEXT);
  room.asked.length = 0;
  await outcomes(store, [remove('a'), { type: 'clear' }, { type: 'project.key', keyId: null }]);
  assert.deepEqual(room.asked, []);
});

test('a project that there is no room for is not created, and nothing else happens to it', async () => {
  const room = new Room();
  room.answer = false;
  const store = storeOf(room);
  assert.deepEqual(await outcomes(store, [create(), { type: 'clear' }, set('a')]), ['disk_full', 'disk_full', 'disk_full']);
  assert.equal(store.seq, 0);
  room.answer = true;
  assert.deepEqual(await outcomes(store, [create(), set('a')]), ['done', 'done']);
});

test('for a log without files nobody asks, until it is replaced by one with files', async () => {
  const room = new Room();
  room.answer = false;
  const store = storeOf(room, new MemoryLog({ project: 'alpha', logId: '0123456789abcdef0123456789abcdef' }));
  assert.deepEqual(await outcomes(store, [create({ on_disk: false }), set('a')]), ['done', 'done']);
  assert.deepEqual(room.asked, []);
  const release = await store.hold();
  store.replaceLog(new PlacedLog({ base: { seq: store.seq, hash: store.hash } }));
  release();
  await assert.rejects(store.submit(set('b'), CONTEXT), isRefusal('disk_full'));
});

test('what is decided rests on the state after the answer, and a failing answer fails the batch', async () => {
  const room = new Room();
  const store = storeOf(room);
  await store.submit(create(), CONTEXT);
  let answer = (_is: boolean): void => undefined;
  room.answer = new Promise((resolve) => {
    answer = resolve;
  });
  const first = submitWatched(store, set('a'));
  await settled();
  const second = submitWatched(store, set('a', '2', { kind: 'absent' }));
  answer(true);
  await Promise.all([first.settled, second.settled]);
  assert.deepEqual([first.outcome, second.outcome], ['done', 'precondition_failed']);
  room.failure = new Error('no disk');
  assert.deepEqual(await outcomes(store, [set('b'), remove('a')]), ['other', 'other']);
  room.failure = undefined;
  assert.deepEqual(await outcomes(store, [set('b')]), ['done']);
});

test.run();
