import assert from 'node:assert/strict';
import { DerivationQueue, type DerivationRequest, THROTTLED_REST_MS } from '../../src/auth/derivation-queue.js';
import { hashChosen } from '../../src/auth/key-hash.js';
import { AppError } from '../../src/base/app-error.js';
import { ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';

const test = suite('derivation-queue');

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA';

/** A derivation that ends when the test says so, and counts how many run at once. */
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

function request(key: string, throttled = false): DerivationRequest {
  return { key, digest: `digest of ${key}`, salt: SALT, throttled };
}

const isTooMany = (error: unknown): boolean => error instanceof AppError && error.code === 'too_many_failed_keys';

test('derivations run one at a time, in the order of asking', async () => {
  const { derive, open, started, maxAtOnce } = gate();
  const queue = new DerivationQueue({ derive });
  const all = ['a', 'b', 'c', 'd'].map((key) => queue.derive(request(key)));
  open();
  assert.deepEqual(await Promise.all(all), ['derived a', 'derived b', 'derived c', 'derived d']);
  assert.deepEqual(started, ['a', 'b', 'c', 'd']);
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

test('one runs, 16 wait, and the next is refused', async () => {
  const { derive, open, started } = gate();
  const queue = new DerivationQueue({ derive });
  const accepted = Array.from({ length: 17 }, (_, index) => queue.derive(request(`key ${index}`)));
  await assert.rejects(queue.derive(request('one too many')), isTooMany);
  open();
  await Promise.all(accepted);
  assert.equal(started.length, 17);
});

test('after a refusal the queue takes keys again', async () => {
  const { derive, open } = gate();
  const queue = new DerivationQueue({ derive, queueMax: 0 });
  const first = queue.derive(request('a'));
  await assert.rejects(queue.derive(request('b')), isTooMany);
  open();
  await first;
  assert.equal(await queue.derive(request('b')), 'derived b');
});

test('a throttled caller is served when nobody waits or runs, and refused otherwise', async () => {
  const { derive, open } = gate();
  const clock = new ManualClock();
  const queue = new DerivationQueue({ derive, clock });
  const first = queue.derive(request('a', true));
  await assert.rejects(queue.derive(request('b', true)), isTooMany);
  const second = queue.derive(request('c'));
  open();
  assert.deepEqual(await Promise.all([first, second]), ['derived a', 'derived c']);
  clock.advance(THROTTLED_REST_MS);
  assert.equal(await queue.derive(request('b', true)), 'derived b');
});

test('after a derivation for a throttled caller such callers rest, and others do not', async () => {
  const clock = new ManualClock();
  const queue = new DerivationQueue({ derive: (key) => Promise.resolve(`derived ${key}`), clock });
  assert.equal(await queue.derive(request('first', true)), 'derived first');
  await assert.rejects(queue.derive(request('second', true)), isTooMany);
  assert.equal(await queue.derive(request('third')), 'derived third');
  clock.advance(THROTTLED_REST_MS - 1);
  await assert.rejects(queue.derive(request('second', true)), isTooMany);
  clock.advance(1);
  assert.equal(await queue.derive(request('second', true)), 'derived second');
});

test('a throttled caller may join the derivation of the same key', async () => {
  const { derive, open, started } = gate();
  const queue = new DerivationQueue({ derive });
  const both = [queue.derive(request('a')), queue.derive(request('a', true))];
  open();
  assert.deepEqual(await Promise.all(both), ['derived a', 'derived a']);
  assert.deepEqual(started, ['a']);
});

test('a failed derivation is reported and does not block the next one', async () => {
  const queue = new DerivationQueue({ derive: (key) => (key === 'bad' ? Promise.reject(new Error('no memory')) : Promise.resolve(key)) });
  await assert.rejects(queue.derive(request('bad')), /no memory/);
  await assert.rejects(queue.derive(request('bad')), /no memory/);
  assert.equal(await queue.derive(request('good')), 'good');
});

test('left alone it derives with scrypt', async () => {
  assert.equal(await new DerivationQueue().derive(request('opensesame')), await hashChosen('opensesame', SALT));
});

test.run();
