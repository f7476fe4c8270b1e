import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ExpirySweeper } from '../../src/store/expiry-sweeper.js';
import { suite } from '../suite.js';

const test = suite('expiry-sweeper');

const KEYS_OF_A_LINE = 1000;

/** Keys that expire, on a clock that the test moves together with the timers. */
class SweptKeys {
  nowMs = 0;
  expiries: number[] = [];
  isSweepable = true;
  isFailing = false;
  /** The times of the sweeps. */
  readonly sweeps: number[] = [];
  readonly sweeper = new ExpirySweeper({
    nextExpiryMs: () => this.expiries.at(0),
    nowMs: () => this.nowMs,
    isSweepable: () => this.isSweepable,
    sweep: async () => {
      this.sweeps.push(this.nowMs);
      if (this.isFailing) throw new Error('the queue is full');
      this.expiries = this.expiries.filter((expiryMs, index) => expiryMs > this.nowMs || index >= KEYS_OF_A_LINE);
      await Promise.resolve();
    },
  });

  /** Moves the clock and the timers, and lets what they started run. */
  async advance(ms: number): Promise<void> {
    for (let rest = ms; rest > 0; rest -= 100) {
      const step = Math.min(rest, 100);
      this.nowMs += step;
      mock.timers.tick(step);
      for (let round = 0; round < 5; round += 1) await Promise.resolve();
    }
  }
}

async function withTimers(body: (keys: SweptKeys) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] });
  const keys = new SweptKeys();
  try {
    await body(keys);
  } finally {
    keys.sweeper.close();
    mock.timers.reset();
  }
}

test('a key is removed soon after it expires, and nothing is done before', async () => {
  await withTimers(async (keys) => {
    keys.expiries = [5000];
    keys.sweeper.wake();
    await keys.advance(4900);
    assert.deepEqual(keys.sweeps, []);
    await keys.advance(100);
    assert.deepEqual([keys.sweeps, keys.expiries], [[5000], []]);
    await keys.advance(60_000);
    assert.equal(keys.sweeps.length, 1);
  });
});

test('a key that expires earlier than those before is not late', async () => {
  await withTimers(async (keys) => {
    keys.expiries = [50_000];
    keys.sweeper.wake();
    keys.expiries = [1000, 50_000];
    keys.sweeper.wake();
    await keys.advance(1000);
    assert.deepEqual(keys.sweeps, [1000]);
    await keys.advance(49_000);
    assert.deepEqual(keys.sweeps, [1000, 50_000]);
  });
});

test('of many that expire at once, a thousand are removed ten times a second', async () => {
  await withTimers(async (keys) => {
    keys.expiries = Array.from({ length: 10_000 }, () => 1000);
    keys.sweeper.wake();
    await keys.advance(1000 + 900);
    assert.deepEqual(keys.sweeps, Array.from({ length: 10 }, (_, line) => 1000 + line * 100));
    assert.deepEqual(keys.expiries, []);
  });
});

test('while nothing may be written, or a line fails, the sweeper tries again every five seconds', async () => {
  await withTimers(async (keys) => {
    keys.expiries = [100];
    keys.isSweepable = false;
    keys.sweeper.wake();
    await keys.advance(4000);
    assert.deepEqual(keys.sweeps, []);
    keys.isSweepable = true;
    keys.isFailing = true;
    await keys.advance(6200);
    assert.deepEqual(keys.sweeps, [5100, 10_100]);
    keys.isFailing = false;
    await keys.advance(5000);
    assert.deepEqual(keys.expiries, []);
  });
});

test('a clock that jumps ahead is noticed within a minute', async () => {
  await withTimers(async (keys) => {
    keys.expiries = [86_400_000];
    keys.sweeper.wake();
    await keys.advance(1000);
    keys.nowMs += 86_400_000;
    await keys.advance(59_000);
    assert.equal(keys.sweeps.length, 1);
  });
});

test('once closed, nothing is swept any more', async () => {
  await withTimers(async (keys) => {
    keys.expiries = [100];
    keys.sweeper.wake();
    keys.sweeper.close();
    await keys.advance(1000);
    keys.sweeper.wake();
    await keys.advance(1000);
    assert.deepEqual(keys.sweeps, []);
  });
});

test.run();
