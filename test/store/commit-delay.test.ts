import assert from 'node:assert/strict';
import { setImmediate as nextRound, setTimeout as sleep } from 'node:timers/promises';
import { CommitDelay } from '../../src/store/commit-delay.js';
import { suite } from '../suite.js';
import { CONTEXT, set, storeOnScript } from './created-store.js';
import { settled } from './scripted-log.js';

const test = suite('commit-delay');
const LONG_MS = 10_000;

/** Waits while commands come, one in each of some rounds of the event loop. Returns how many there are then, and the rounds it took. */
async function waited(
  delay: CommitDelay, queue: { length: number }, comesIn: readonly boolean[] = [],
): Promise<{ readonly length: number; readonly rounds: number }> {
  let isOver = false;
  let rounds = 0;
  const wait = delay.wait().then(() => {
    isOver = true;
  });
  await Promise.resolve();
  for (; !isOver && rounds < 100; await nextRound()) {
    if (comesIn[rounds] === true) queue.length += 1;
    rounds += 1;
  }
  await wait;
  return { length: queue.length, rounds };
}

test('a batch waits for as many commands as were answered last and waited then', async () => {
  const queue = { length: 2 };
  const delay = new CommitDelay(queue);
  delay.noteBatch(3, LONG_MS);
  assert.equal((await waited(delay, queue, [true, false, true, false, false, true, true, true])).length, 5);
});

test('where no more commands come, the wait is short', async () => {
  const queue = { length: 1 };
  const delay = new CommitDelay(queue);
  delay.noteBatch(8, LONG_MS);
  const { length, rounds } = await waited(delay, queue);
  assert.ok(length === 1 && rounds <= 5, `${rounds} rounds`);
});

test('a client that is alone never waits, nor does the first command', async () => {
  const queue = { length: 1 };
  const delay = new CommitDelay(queue);
  assert.ok((await waited(delay, queue)).rounds <= 1);
  queue.length = 0;
  delay.noteBatch(1, LONG_MS);
  queue.length = 1;
  assert.ok((await waited(delay, queue)).rounds <= 1);
});

test('the wait is not longer than the last batch took', async () => {
  const queue = { length: 1 };
  const delay = new CommitDelay(queue);
  delay.noteBatch(1000, 0);
  const always = Array.from({ length: 100 }, () => true);
  assert.ok((await waited(delay, queue, always)).rounds <= 1);
});

test('clients that ask again when they are answered share their next batch with those who waited', async () => {
  const { store, log } = await storeOnScript();
  const ask = (name: string): Promise<unknown> => store.submit(set(name, '1'), CONTEXT);
  const answered = ['a', 'b', 'c'].map((name) => ask(name).then(() => nextRound()).then(() => ask(name)));
  await settled();
  const waiting = ['d', 'e', 'f'].map(ask);
  // The wait is bounded by how long this batch takes.
  await sleep(50);
  await log.letThrough();
  for (let round = 0; log.inFlight === 0 && round < 100; round += 1) await nextRound();
  await log.letThrough();
  await Promise.all([...answered, ...waiting]);
  assert.deepEqual(log.batches.map(({ length }) => length), [3, 6]);
});

test('commands that are refused during the wait leave nothing to take', async () => {
  const { store, log } = await storeOnScript();
  const first = ['a', 'b'].map((name) => store.submit(set(name, '1'), CONTEXT));
  await settled();
  const late = assert.rejects(store.submit(set('c', '1'), CONTEXT), { code: 'project_not_found' });
  await sleep(50);
  // Their answers come before the next batch is taken.
  const retired = Promise.all(first).then(() => store.retire());
  await log.letThrough();
  await Promise.all([late, retired]);
  assert.equal(log.batches.length, 1);
});

test.run();
