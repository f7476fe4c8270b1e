/** When a server is ready. */
import assert from 'node:assert/strict';
import type { ServingState, ReadinessCheck } from '../../src/projects/projects.js';
import { assessReadiness, type ProjectFacts, type ServerCondition } from '../../src/projects/readiness.js';
import { AMPLE_SPACE } from '../disk/ample-space.js';
import { suite } from '../suite.js';

const test = suite('readiness');

/** All is well. */
const WELL: ServerCondition = {
  registry: 'writable', space: AMPLE_SPACE, compactionsFailing: 0, readableFailing: 0, scrubsDamaged: 0, filesUnmoved: 0, damagedReads: 0,
};

/** Projects `p0`, `p1`… in these states. */
function projectsIn(...states: readonly ServingState[]): ProjectFacts {
  const projects = states.map((state, index) => ({ id: `p${index}`, state }));
  return { count: states.length, degraded: projects.filter(({ state }) => state !== 'serving') };
}

function failing(checks: readonly ReadinessCheck[]): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name }) => name);
}

test('a server without projects is ready', () => {
  const { ready, degraded } = assessReadiness(projectsIn(), WELL);
  assert.deepEqual([ready, degraded], [true, []]);
});

test('one project that can write is enough, and the others are listed with their state', () => {
  const { ready, checks, degraded } = assessReadiness(projectsIn('corrupt', 'serving', 'read_only'), WELL);
  assert.equal(ready, true);
  assert.deepEqual(degraded, [{ id: 'p0', state: 'corrupt' }, { id: 'p2', state: 'read_only' }]);
  // A log that found the disk full refuses its writes for want of space, whatever the disk says of itself.
  assert.deepEqual(failing(checks), ['projects', 'disk_room']);
});

test('a server without a project that can write is not ready', () => {
  for (const state of ['read_only', 'log_failed', 'corrupt'] as const) {
    assert.equal(assessReadiness(projectsIn(state), WELL).ready, false);
  }
});

test('an unwritable registry fails its check, but the server stays ready', () => {
  for (const state of ['damaged', 'failed', 'read_only'] as const) {
    const { ready, checks } = assessReadiness(projectsIn('serving'), { ...WELL, registry: state });
    assert.equal(ready, true);
    assert.deepEqual(failing(checks), state === 'read_only' ? ['registry', 'disk_room'] : ['registry'], state);
    assert.match(checks[1]?.detail ?? '', /no project can be created/, state);
  }
});

for (const [name, condition] of [
  ['disk_room', { space: { largestBytes: -1, refusedBytes: undefined } }],
  ['compaction', { compactionsFailing: 2 }], ['readable_snapshot', { readableFailing: 1 }],
  ['scrub', { scrubsDamaged: 1 }], ['unmoved_files', { filesUnmoved: 1 }], ['reads', { damagedReads: 3 }],
] as const) {
  test(`what goes wrong around the projects is the failed check ${name}, and no reason not to be ready`, () => {
    const { ready, checks, degraded } = assessReadiness(projectsIn('serving'), { ...WELL, ...condition });
    assert.deepEqual([ready, failing(checks), degraded], [true, [name], []]);
  });
}

test('every check passes on a healthy server', () => {
  const { checks } = assessReadiness(projectsIn('serving'), WELL);
  assert.deepEqual(failing(checks), []);
  assert.deepEqual(checks.map(({ name }) => name), [
    'projects', 'registry', 'disk_room', 'compaction', 'readable_snapshot', 'scrub', 'unmoved_files', 'reads',
  ]);
});

test('checks name no project', () => {
  const { checks } = assessReadiness({ count: 1, degraded: [{ id: 'secret-name', state: 'corrupt' }] }, { ...WELL, registry: 'damaged' });
  assert.ok(!JSON.stringify(checks).includes('secret-name'));
});

test.run();
