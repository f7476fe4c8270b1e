/** When a server is ready. */
import assert from 'node:assert/strict';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import type { ProjectDetails, ProjectState, ReadinessCheck } from '../../src/projects/projects.js';
import { assessReadiness, type ServerCondition } from '../../src/projects/readiness.js';
import { AMPLE_ROOM } from '../disk/ample-room.js';
import { suite } from '../suite.js';

const test = suite('readiness');

/** All is well. */
const WELL: ServerCondition = {
  serverLog: 'writable', room: AMPLE_ROOM, compactionsFailing: 0, readableFailing: 0, scrubsDamaged: 0, damagedReads: 0,
};

function project(id: string, state: ProjectState): ProjectDetails {
  const settings = { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION };
  return { id, ...settings, created_at: null, updated_at: null, seq: 0, key_count: 0, log_id: null, state };
}

function failing(checks: readonly ReadinessCheck[]): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name }) => name);
}

test('a server without projects is ready', () => {
  const { ready, degraded } = assessReadiness([], WELL);
  assert.deepEqual([ready, degraded], [true, []]);
});

test('one project that can write is enough, and the others are named with their state', () => {
  const projects = [project('a', 'corrupt'), project('b', 'serving'), project('c', 'read_only')];
  const { ready, checks, degraded } = assessReadiness(projects, WELL);
  assert.equal(ready, true);
  assert.deepEqual(degraded, [{ id: 'a', state: 'corrupt' }, { id: 'c', state: 'read_only' }]);
  // A log that found the disk full refuses its writes for want of room, whatever the disk says of itself.
  assert.deepEqual(failing(checks), ['projects', 'disk_room']);
});

test('a server of which no project can write is not ready', () => {
  for (const state of ['read_only', 'log_failed', 'corrupt'] as const) {
    assert.equal(assessReadiness([project('a', state)], WELL).ready, false);
  }
});

test('a registry that cannot be written to is a failed check and no reason not to be ready', () => {
  for (const state of ['damaged', 'failed', 'read_only'] as const) {
    const { ready, checks } = assessReadiness([project('a', 'serving')], { ...WELL, serverLog: state });
    assert.equal(ready, true);
    assert.deepEqual(failing(checks), state === 'read_only' ? ['registry', 'disk_room'] : ['registry'], state);
    assert.match(checks[1]?.detail ?? '', /no project can be created/, state);
  }
});

for (const [name, condition] of [
  ['disk_room', { room: { largestBytes: -1, refusedBytes: undefined } }],
  ['compaction', { compactionsFailing: 2 }], ['readable_snapshot', { readableFailing: 1 }],
  ['scrub', { scrubsDamaged: 1 }],  ['reads', { damagedReads: 3 }],
] as const) {
  test(`what goes wrong around the projects is the failed check ${name}, and no reason not to be ready`, () => {
    const { ready, checks, degraded } = assessReadiness([project('a', 'serving')], { ...WELL, ...condition });
    assert.deepEqual([ready, failing(checks), degraded], [true, [name], []]);
  });
}

test('where all is well every check holds', () => {
  const { checks } = assessReadiness([project('a', 'serving')], WELL);
  assert.deepEqual(failing(checks), []);
  assert.deepEqual(checks.map(({ name }) => name), [
    'projects', 'registry', 'disk_room', 'compaction', 'readable_snapshot', 'scrub', 'reads',
  ]);
});

test('checks name no project', () => {
  const { checks } = assessReadiness([project('secret-name', 'corrupt')], { ...WELL, serverLog: 'damaged' });
  assert.ok(!JSON.stringify(checks).includes('secret-name'));
});

test.run();
