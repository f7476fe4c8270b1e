import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.js';
import { suite } from '../suite.js';

const test = suite('clock');

test('the wall clock returns the time of day', () => {
  const before = Date.now();
  const nowMs = systemClock.wallMs();
  assert.ok(Number.isInteger(nowMs));
  assert.ok(nowMs >= before && nowMs <= Date.now());
});

test('the monotonic clock advances and never decreases', async () => {
  const readings = [systemClock.monotonicMs()];
  for (let reading = 0; reading < 1000; reading += 1) readings.push(systemClock.monotonicMs());
  await sleep(2);
  readings.push(systemClock.monotonicMs());
  assert.deepEqual(readings, [...readings].sort((a, b) => a - b));
  assert.ok((readings.at(-1) ?? 0) > (readings[0] ?? 0));
});

test.run();
