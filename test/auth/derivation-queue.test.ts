import assert from 'node:assert/strict';
import { DerivationQueue, DERIVATION_QUEUE_MAX, type DerivationRequest } from '../../src/auth/derivation-queue.js';
import { hashTyped } from '../../src/auth/key-hash.js';
import { AppError } from '../../src/base/app-error.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';

const test = suite('derivation-queue');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';

/** A derivation that the test releases, with a count of how many run at once. */
function gate(): { derive: (key: string) => Promise<string>; open: () => void; started: string[]; maxAtOnce: () => number } {
  const started: string[] = [];
  const waiting: (() => void)[] = [];
  let opened = false;
  let running = 0;
  let most = 0;
  const derive = async (key: string): Promise<string> => {
    started.push(key);
    running += 1;
    most = Math.max(most, running);
    await (opened ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve)));
    running -= 1;
    return `derived ${key}`;
  };
  const open = (): void => {
    opened = true;
    for (const resolve of waiting) resolve();
  };
  return { derive, open, started, maxAtOnce: () => most };
}

function request(key: string): DerivationRequest {
  return { key, digest: `digest of ${key}`, salt: SALT, scope: 'global', address: '192.0.2.1' };
}

const isTooMany = (error: unknown): boolean => error instanceof AppError && error.code === 'too_many_failed_keys';

test('derivations for one address run one at a time, in the order drawn', async () => {
  const { derive, open, started, maxAtOnce } = gate();
  const queue = new DerivationQueue({ derive, draw: (count) => count - 1 });
  const all = ['a', 'b', 'c', 'd'].map((key) => queue.derive(request(key)));
  open();
  assert.deepEqual(await Promise.all(all), ['derived a', 'derived b', 'derived c', 'derived d']);
  assert.deepEqual(started, ['a', 'b', 'd', 'c']);
  assert.equal(maxAtOnce(), 1);
});

test('the same key presented many times at once costs one derivation', async () => {
  const { derive, open, started } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 2 });
  const all = Array.from({ length: 50 }, () => queue.derive(request('a')));
  open();
  assert.equal(new Set(await Promise.all(all)).size, 1);
  assert.deepEqual(started, ['a']);
});

test('one runs, up to the limit wait, and the next is refused', async () => {
  const { derive, open, started } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 16 });
  const accepted = Array.from({ length: 17 }, (_, index) => queue.derive(request(`key ${index}`)));
  await assert.rejects(queue.derive(request('one too many')), isTooMany);
  open();
  await Promise.all(accepted);
  assert.equal(started.length, 17);
  assert.equal(DERIVATION_QUEUE_MAX, 1024);
});

test('the queue accepts keys again after a refusal', async () => {
  const { derive, open } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 1 });
  const accepted = [queue.derive(request('a')), queue.derive(request('b'))];
  await assert.rejects(queue.derive(request('c')), isTooMany);
  open();
  await Promise.all(accepted);
  assert.equal(await queue.derive(request('c')), 'derived c');
});

test('a caller from another address evicts an entry of the flood from a full queue', async () => {
  const { derive, open } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 2 });
  const flood = ['a', 'b', 'c'].map((key) => queue.derive(request(key)));
  const pushedOut = assert.rejects(flood[2] ?? Promise.resolve(), isTooMany);
  const good = queue.derive({ ...request('good'), address: '192.0.2.2' });
  await pushedOut;
  open();
  assert.deepEqual(await Promise.all([...flood.slice(0, 2), good]), ['derived a', 'derived b', 'derived good']);
});

test('after an unknown key the queue rests for as long as the derivation took, after a valid one it does not', async () => {
  const clock = new ManualClock();
  const rests: number[] = [];
  let wake = (): void => undefined;
  const rest = (durationMs: number): Promise<void> => {
    rests.push(durationMs);
    return new Promise((resolve) => {
      wake = resolve;
    });
  };
  const started: string[] = [];
  const derive = async (key: string): Promise<string> => {
    started.push(key);
    clock.advance(300);
    return key;
  };
  const queue = new DerivationQueue({ derive, clock, rest, opens: (derived) => derived.startsWith('good') });
  const keys = ['good 1', 'good 2', 'wrong'];
  assert.deepEqual(await Promise.all(keys.map((key) => queue.derive(request(key)))), keys);
  const waiting = queue.derive(request('good 3'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([started, rests], [keys, [300]]);
  wake();
  assert.equal(await waiting, 'good 3');
  assert.deepEqual(rests, [300]);
});

test('a caller that disconnects costs no derivation, unless another caller waits for the same key', async () => {
  const { derive, open, started } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 2 });
  const leaving: (() => void)[] = [];
  const onGone = (leave: () => void): void => void leaving.push(leave);
  const running = queue.derive({ ...request('runs'), onGone });
  const left = assert.rejects(queue.derive({ ...request('left'), onGone }), isTooMany);
  const shared = assert.rejects(queue.derive({ ...request('shared'), onGone }), isTooMany);
  const stays = queue.derive(request('shared'));
  const [leaveRunning, ...leaveOthers] = leaving;
  for (const leave of leaveOthers) leave();
  await left;
  await shared;
  const next = queue.derive(request('next'));
  leaveRunning?.();
  await assert.rejects(running, isTooMany);
  open();
  assert.deepEqual(await Promise.all([stays, next]), ['derived shared', 'derived next']);
  assert.deepEqual(started, ['runs', 'shared', 'next']);
  for (const leave of leaving) leave();
});

test('a caller is refused after the longest wait', async () => {
  const { derive } = gate();
  const queue = new DerivationQueue({ derive, waitMs: 20 });
  // The timers of the queue do not keep the process alive.
  const alive = setInterval(() => undefined, 1000);
  await assert.rejects(queue.derive(request('runs')), isTooMany);
  await assert.rejects(queue.derive(request('waits')), isTooMany);
  clearInterval(alive);
});

test('a failed derivation is reported and does not block the next one', async () => {
  const queue = new DerivationQueue({ derive: (key) => (key === 'bad' ? Promise.reject(new Error('no memory')) : Promise.resolve(key)) });
  await assert.rejects(queue.derive(request('bad')), /no memory/);
  await assert.rejects(queue.derive(request('bad')), /no memory/);
  assert.equal(await queue.derive(request('good')), 'good');
});

test('by default it derives with scrypt', async () => {
  assert.equal(await new DerivationQueue().derive(request('opensesame')), await hashTyped('opensesame', SALT));
});

test.run();
