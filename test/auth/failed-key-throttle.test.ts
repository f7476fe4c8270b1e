import assert from 'node:assert/strict';
import { FailedKeyThrottle } from '../../src/auth/failed-key-throttle.js';
import { suite } from '../suite.js';

const test = suite('failed-key-throttle');

async function fail(throttle: FailedKeyThrottle, address: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await throttle.recordFailure(address);
}

test('an address without failures is not blocked', async () => {
  assert.equal(await new FailedKeyThrottle().blockedSeconds('192.0.2.1'), 0);
});

test('the 100th failure blocks, the 99th does not', async () => {
  const throttle = new FailedKeyThrottle();
  await fail(throttle, '192.0.2.1', 99);
  assert.equal(await throttle.blockedSeconds('192.0.2.1'), 0);
  await fail(throttle, '192.0.2.1', 1);
  const waitSeconds = await throttle.blockedSeconds('192.0.2.1');
  assert.ok(waitSeconds >= 1 && waitSeconds <= 60, String(waitSeconds));
});

test('only the failure that reaches the limit is reported, once per window', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 3 });
  const told: boolean[] = [];
  for (let time = 0; time < 6; time += 1) told.push(await throttle.recordFailure('192.0.2.1'));
  assert.deepEqual(told, [false, false, true, false, false, false]);
  assert.equal(await throttle.recordFailure('192.0.2.2'), false);
});

test('the limit can be set', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 2 });
  await fail(throttle, '192.0.2.1', 2);
  assert.notEqual(await throttle.blockedSeconds('192.0.2.1'), 0);
});

test('reading the state does not count as a failure', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 1 });
  for (let time = 0; time < 10; time += 1) assert.equal(await throttle.blockedSeconds('192.0.2.1'), 0);
});

test('one address does not block another', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 1 });
  await fail(throttle, '192.0.2.1', 5);
  assert.equal(await throttle.blockedSeconds('192.0.2.2'), 0);
});

test('addresses of one IPv6 network count together, and a mapped IPv4 address counts as IPv4', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 2 });
  await fail(throttle, '2001:db8::1', 1);
  await fail(throttle, '2001:db8::2', 1);
  assert.notEqual(await throttle.blockedSeconds('2001:db8::3'), 0);
  await fail(throttle, '192.0.2.1', 1);
  await fail(throttle, '::ffff:192.0.2.1', 1);
  assert.notEqual(await throttle.blockedSeconds('192.0.2.1'), 0);
});

test('the number of tracked addresses is bounded, and the least recently seen is dropped first', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 1, addressesMax: 3 });
  await fail(throttle, '192.0.2.1', 1);
  await fail(throttle, '192.0.2.2', 1);
  await fail(throttle, '192.0.2.1', 1);
  await fail(throttle, '192.0.2.3', 1);
  await fail(throttle, '192.0.2.4', 1);
  assert.equal(await throttle.blockedSeconds('192.0.2.2'), 0);
  for (const address of ['192.0.2.1', '192.0.2.3', '192.0.2.4']) assert.notEqual(await throttle.blockedSeconds(address), 0, address);
});

test('a limit that changes holds for the failures that were counted already', async () => {
  const throttle = new FailedKeyThrottle({ failuresPerMinute: 5 });
  await fail(throttle, '192.0.2.1', 3);
  throttle.setLimit(4);
  assert.equal(await throttle.blockedSeconds('192.0.2.1'), 0);
  assert.equal(await throttle.recordFailure('192.0.2.1'), true);
  assert.notEqual(await throttle.blockedSeconds('192.0.2.1'), 0);
  throttle.setLimit(50);
  assert.equal(await throttle.blockedSeconds('192.0.2.1'), 0);
});

test.run();
