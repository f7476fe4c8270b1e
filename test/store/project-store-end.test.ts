import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { suite } from '../suite.js';
import { CONTEXT, isRefusal, remove, set, storeInMemory, storeOnScript, submitWatched } from './created-store.js';
import { settled } from './scripted-log.js';

const test = suite('project-store: hold, retire, close');

const LIMITS = { queueCommandsMax: 3, queueBytesMax: 1_000_000 };
const OUTCOME_UNKNOWN = new AppError('outcome_unknown', 'Cannot say whether the lines were appended');

/** Tells whether a promise has settled, without waiting for it. */
function watch(promise: Promise<unknown>): { isOver: boolean } {
  const watched = { isOver: false };
  const end = (): void => {
    watched.isOver = true;
  };
  promise.then(end, end);
  return watched;
}

test('a hold on an idle store takes effect at once', async () => {
  const store = await storeInMemory();
  const release = await store.hold();
  release();
  assert.equal((await store.submit(set('a'), CONTEXT)).seq, 2);
});

test('a hold waits for the batch in flight, and for no other', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('a'));
  await settled();
  const second = submitWatched(store, set('b'));
  const hold = store.hold();
  const held = watch(hold);
  await settled();
  assert.equal(held.isOver, false);
  await log.letThrough();
  assert.deepEqual([held.isOver, first.outcome, second.outcome, log.inFlight], [true, 'done', 'waiting', 0]);
  (await hold)();
  await log.letThrough();
  assert.equal(second.outcome, 'done');
});

test('a hold takes effect although the batch in flight fails', async () => {
  const { store, log } = await storeOnScript();
  const first = submitWatched(store, set('a'));
  await settled();
  const hold = store.hold();
  await log.fail(OUTCOME_UNKNOWN);
  const release = await hold;
  assert.equal(first.outcome, 'outcome_unknown');
  release();
});

test('a hold before the first turn delays that turn', async () => {
  const { store, log } = await storeOnScript();
  const watched = submitWatched(store, set('a'));
  const release = await store.hold();
  await settled();
  assert.deepEqual([watched.outcome, log.batches], ['waiting', []]);
  release();
  await log.letThrough();
  assert.equal(watched.outcome, 'done');
});

test('under a hold commands wait and reads continue; afterwards all commands run in order', async () => {
  const { store, log } = await storeOnScript();
  const release = await store.hold();
  const watched = [set('a'), set('b'), remove('a')].map((command) => submitWatched(store, command));
  await settled();
  assert.deepEqual([log.inFlight, store.values.count, store.seq], [0, 0, 1]);
  release();
  await log.letThrough();
  assert.deepEqual(log.batches, [['set', 'set', 'delete']]);
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['done', 'done', 'done']);
});

test('the limits of the queue apply under a hold', async () => {
  const { store } = await storeOnScript({ limits: LIMITS });
  await store.hold();
  const watched = ['a', 'b', 'c', 'd'].map((key) => submitWatched(store, set(key)));
  await settled();
  assert.deepEqual(watched.map(({ outcome }) => outcome), ['waiting', 'waiting', 'waiting', 'queue_full']);
});

test('turns resume when the last of several holds is released; releasing one twice does nothing', async () => {
  const { store, log } = await storeOnScript();
  const [first, second] = await Promise.all([store.hold(), store.hold()]);
  const watched = submitWatched(store, set('a'));
  first();
  first();
  await settled();
  assert.deepEqual([watched.outcome, log.inFlight], ['waiting', 0]);
  second();
  await log.letThrough();
  assert.equal(watched.outcome, 'done');
});

test('retiring answers the batch in flight, fails queued commands with project_not_found, and closes the log', async () => {
  const { store, log } = await storeOnScript();
  const inFlight = submitWatched(store, set('a'));
  await settled();
  const waiting = submitWatched(store, set('b'));
  const retired = store.retire();
  await settled();
  assert.deepEqual([inFlight.outcome, waiting.outcome, log.state()], ['waiting', 'project_not_found', 'writable']);
  await log.letThrough();
  await retired;
  assert.deepEqual([inFlight.outcome, log.state(), store.logState], ['done', 'closed', 'closed']);
  await assert.rejects(store.submit(set('c'), CONTEXT), isRefusal('project_not_found'));
});

test('retiring under a hold fails queued commands, and the hold may be released afterwards', async () => {
  const { store, log } = await storeOnScript();
  const release = await store.hold();
  const waiting = submitWatched(store, set('a'));
  await store.retire();
  await settled();
  assert.equal(waiting.outcome, 'project_not_found');
  release();
  await settled();
  assert.deepEqual([log.batches, log.state()], [[], 'closed']);
});

test('closing runs all queued commands, in as many batches as needed, and closes the log', async () => {
  const { store, log } = await storeOnScript();
  const watched = Array.from({ length: 1500 }, (_, index) => submitWatched(store, set(`k${index}`)));
  const closed = watch(store.close());
  await log.letThrough();
  assert.deepEqual([closed.isOver, log.state()], [false, 'writable']);
  await log.letThrough();
  await settled();
  assert.ok(watched.every(({ outcome }) => outcome === 'done'));
  assert.deepEqual([closed.isOver, log.state(), log.batches.length], [true, 'closed', 2]);
});

test('a closing store accepts no more commands; reads continue', async () => {
  const { store, log } = await storeOnScript();
  const watched = submitWatched(store, set('a'));
  const closed = store.close();
  await assert.rejects(store.submit(set('b'), CONTEXT), isRefusal('shutting_down'));
  await log.letAllThrough();
  await closed;
  await assert.rejects(store.submit(set('b'), CONTEXT), isRefusal('shutting_down'));
  assert.deepEqual([watched.outcome, store.values.get('a')?.value, store.seq], ['done', '1', 2]);
});

test('closing under a hold fails queued commands instead of leaving them unanswered', async () => {
  const { store, log } = await storeOnScript();
  const release = await store.hold();
  const waiting = [set('a'), set('b')].map((command) => submitWatched(store, command));
  await store.close();
  await settled();
  assert.deepEqual(waiting.map(({ outcome }) => outcome), ['shutting_down', 'shutting_down']);
  release();
  await settled();
  assert.deepEqual([log.batches, log.state()], [[], 'closed']);
});

test('closing waits for the batch in flight even if it fails', async () => {
  const { store, log } = await storeOnScript();
  const watched = submitWatched(store, set('a'));
  await settled();
  const closed = store.close();
  await log.fail(OUTCOME_UNKNOWN);
  await closed;
  assert.deepEqual([watched.outcome, log.state()], ['outcome_unknown', 'closed']);
});

test('closing or retiring a closed store does nothing', async () => {
  const store = await storeInMemory();
  await Promise.all([store.close(), store.close()]);
  await store.close();
  await assert.rejects(store.submit(set('a'), CONTEXT), isRefusal('shutting_down'));
  await store.retire();
  await assert.rejects(store.submit(set('a'), CONTEXT), isRefusal('project_not_found'));
});

test('a deleted project stays not found while the server shuts down', async () => {
  const store = await storeInMemory();
  await store.retire();
  await store.close();
  await assert.rejects(store.submit(set('a'), CONTEXT), isRefusal('project_not_found'));
});

test.run();
