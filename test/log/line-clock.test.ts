import assert from 'node:assert/strict';
import { HELD_BACK_MS_MAX, LineClock } from '../../src/log/line-clock.js';
import { MANUAL_CLOCK_START_MS as START, ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';

const test = suite('LineClock');

test('a clock that lags is held back within the limit, reported beyond it, and followed at once when it is ahead', () => {
  const clock = new ManualClock();
  const jumps: number[][] = [];
  const lines = new LineClock(clock, (fromMs, toMs) => jumps.push([fromMs, toMs]));
  const at = (wallMs: number): number => {
    clock.setWall(wallMs);
    return lines.now();
  };
  assert.deepEqual([START, START + 1, START, START + 1 - HELD_BACK_MS_MAX].map(at), [START, START + 1, START + 1, START + 1]);
  assert.deepEqual(jumps, []);
  assert.equal(at(START - HELD_BACK_MS_MAX), START - HELD_BACK_MS_MAX);
  assert.deepEqual(jumps, [[START + 1, START - HELD_BACK_MS_MAX]]);
  assert.equal(at(START), START);
});

test('the last line of a reopened log counts like a new one', () => {
  const lines = new LineClock(new ManualClock(), () => assert.fail('no jump'));
  lines.resume(START + 5);
  assert.equal(lines.now(), START + 5);
});

test.run();
