import assert from 'node:assert/strict';
import { Activity } from '../../src/metrics/activity.js';
import { History } from '../../src/metrics/history.js';
import { LoopLag } from '../../src/metrics/loop-lag.js';
import { PlainHistogram } from '../../src/metrics/plain-histogram.js';
import { MANUAL_CLOCK_START_MS, ManualClock } from '../base/manual-clock.js';
import { suite } from '../suite.js';
import { FakeFacts } from './fake-facts.js';

const test = suite('history');
const STEP_MS = 5000;
const STEPS_KEPT = 720;

/** A history of the projects `a`, `b` and `c`. */
class World {
  readonly clock = new ManualClock();
  readonly activity = new Activity();
  readonly syncs = new PlainHistogram([0.001, 0.01, 0.1]);
  readonly projects = new Map(['a', 'b', 'c'].map((id) => [id, { id, state: 'serving' as const, seq: 1, key_count: 2, value_bytes: 20 }]));
  readonly facts = new FakeFacts(() => [...this.projects.values()]);
  readonly history: History;

  constructor(projectsMax = 2) {
    const { activity, syncs } = this;
    this.history = new History({ activity, syncs, lag: new LoopLag() }, projectsMax, this.clock);
    this.history.begin();
  }

  /** Lets steps pass, in the first of which projects are used. */
  pass(steps: number, used: readonly string[] = []): void {
    for (const project of used) this.activity.answered(project, 2);
    for (let step = 0; step < steps; step += 1) {
      this.clock.advance(STEP_MS);
      this.history.sample(this.facts);
    }
  }

  requestsOf(project: string | undefined, steps: number): unknown {
    return this.history.read(project, (steps * STEP_MS) / 1000).series['requests'];
  }
}

test('each step has what happened in it, and the state at its end', () => {
  const world = new World();
  world.activity.answered('a', 2);
  world.activity.answered('a', 4);
  world.activity.answered(undefined, 5);
  world.activity.wrote('a', 7);
  world.syncs.add(0.002);
  world.pass(1);
  world.pass(1);
  assert.deepEqual(world.history.read(undefined, 15), {
    step_seconds: 5,
    start: new Date(MANUAL_CLOCK_START_MS - STEP_MS).toISOString(),
    series: {
      requests: [null, 3, 0], writes: [null, 7, 0], problems_4xx: [null, 1, 0], problems_5xx: [null, 1, 0],
      keys: [null, 6, 6], value_bytes: [null, 60, 60], queue_commands: [null, 0, 0],
      sync_p50_seconds: [null, 0.0055, null], sync_p99_seconds: [null, 0.00991, null], resident_bytes: [null, 5000, 5000],
      event_loop_lag_p99_seconds: [null, 0, 0],
    },
  });
  assert.deepEqual(world.history.read('a', 10).series, {
    requests: [2, 0], writes: [7, 0], problems_4xx: [1, 0], problems_5xx: [0, 0], keys: [2, 2], value_bytes: [20, 20],
    queue_commands: [0, 0],
  });
});

test('what happened before the first step began is not in it', () => {
  const world = new World();
  world.activity.answered(undefined, 2);
  world.history.begin();
  world.pass(1);
  assert.deepEqual(world.requestsOf(undefined, 1), [0]);
});

test('a project has a history from its first use on, and none without', () => {
  const world = new World();
  world.pass(2);
  world.pass(2, ['a']);
  assert.deepEqual(world.requestsOf('a', 4), [null, null, 1, 0]);
  assert.deepEqual(world.requestsOf('b', 4), [null, null, null, null]);
  assert.equal(world.history.projectCount, 1);
});

test('of more projects than there is room for, those used last have one; two that are used at once do not drive each other out', () => {
  const world = new World(2);
  world.pass(1, ['a']);
  world.pass(1, ['b']);
  world.pass(1, ['c']);
  assert.deepEqual([world.requestsOf('a', 2), world.requestsOf('b', 2), world.requestsOf('c', 2)], [[null, null], [1, 0], [null, 1]]);
  world.pass(1, ['a', 'b', 'c']);
  assert.deepEqual(world.requestsOf('b', 2), [0, 1]);
  assert.equal(world.history.projectCount, 2);
});

test('a history ends after an hour without use, and at once with its project', () => {
  const world = new World();
  world.pass(1, ['a', 'b']);
  world.projects.delete('b');
  world.pass(STEPS_KEPT - 1);
  assert.equal(world.history.projectCount, 1);
  world.pass(1);
  assert.equal(world.history.projectCount, 0);
  assert.deepEqual(world.requestsOf(undefined, STEPS_KEPT), Array.from({ length: STEPS_KEPT }, () => 0));
});

test('a request for a project that is gone leaves no history', () => {
  const world = new World();
  world.pass(1, ['gone']);
  assert.equal(world.history.projectCount, 0);
});

test('a smaller number of projects is in force at once', () => {
  const world = new World(2);
  world.pass(1, ['a']);
  world.pass(1, ['b']);
  world.history.setMax(1);
  assert.deepEqual([world.requestsOf('a', 1), world.requestsOf('b', 1)], [[null], [1]]);
});

test('while the process stands still, steps are not known; a look that comes too early or too late changes nothing', () => {
  const world = new World();
  world.pass(1);
  world.clock.advance(3 * STEP_MS);
  world.activity.answered(undefined, 2);
  world.history.sample(world.facts);
  world.history.sample(world.facts);
  assert.deepEqual(world.requestsOf(undefined, 4), [0, null, null, 1]);
  world.clock.advance(STEP_MS - 2);
  world.history.sample(world.facts);
  assert.deepEqual(world.requestsOf(undefined, 2), [1, 0]);
  assert.equal(world.history.restMs, 2);
});

test('a window is cut to the hour that is kept', () => {
  const world = new World();
  world.pass(1);
  assert.equal((world.requestsOf(undefined, STEPS_KEPT + 10) as unknown[]).length, STEPS_KEPT);
  assert.equal(world.history.read(undefined, 1).series['requests']?.length, 1);
});

test.run();
