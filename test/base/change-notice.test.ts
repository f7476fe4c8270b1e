import assert from 'node:assert/strict';
import { ChangeNotice } from '../../src/base/change-notice.js';
import { suite } from '../suite.js';

const test = suite('ChangeNotice');

test('all waiters are woken once', async () => {
  const notice = new ChangeNotice();
  let woken = 0;
  const waits = [1, 2, 3].map(() => notice.wait().then(() => { woken += 1; }));
  notice.wake();
  await Promise.all(waits);
  notice.wake();
  assert.equal(woken, 3);
});

test('a waiter that arrives after wake() waits for the next one', async () => {
  const notice = new ChangeNotice();
  notice.wake();
  let isWoken = false;
  const wait = notice.wait().then(() => { isWoken = true; });
  await Promise.resolve();
  assert.equal(isWoken, false);
  notice.wake();
  await wait;
});

test('a raised signal ends the waiting with its reason, before and during it', async () => {
  const notice = new ChangeNotice();
  const stop = new AbortController();
  const wait = notice.wait(stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(wait, /enough/);
  await assert.rejects(notice.wait(stop.signal), /enough/);
  notice.wake();
});

test('an aborted waiter is removed', async () => {
  const notice = new ChangeNotice();
  const sizes: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const stop = new AbortController();
    const wait = assert.rejects(notice.wait(stop.signal));
    stop.abort();
    await wait;
    sizes.push(notice.waitingCount);
  }
  assert.deepEqual(sizes, [0, 0, 0]);
});

test.run();
