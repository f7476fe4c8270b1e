import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoopLag } from '../../src/metrics/loop-lag.js';
import { suite } from '../suite.js';

const test = suite('loop-lag');
const BLOCKED_MS = 120;

test('a blocked event loop is seen, and shown until a minute of steps has passed', async () => {
  const lag = new LoopLag();
  lag.start();
  try {
    for (let tries = 0; tries < 100 && lag.count === 0; tries += 1) {
      await sleep(1);
      const endMs = performance.now() + BLOCKED_MS;
      while (performance.now() < endMs);
      await sleep(1);
      lag.take();
    }
    assert.ok(lag.worst['1'] > 0.05, String(lag.worst['1']));
    assert.ok(lag.sumSeconds > 0 && lag.worst['0.5'] <= lag.worst['1']);
  } finally {
    lag.close();
  }
  for (let step = 0; step < 12; step += 1) lag.take();
  assert.ok(lag.count > 0);
});

test('before the start there is no lag', () => {
  const lag = new LoopLag();
  assert.deepEqual(lag.take(), { '0.5': 0, '0.9': 0, '0.99': 0, '1': 0 });
  assert.deepEqual([lag.count, lag.sumSeconds], [0, 0]);
});

test.run();
