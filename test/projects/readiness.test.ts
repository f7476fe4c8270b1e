/** When a server is ready. */
import assert from 'node:assert/strict';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import type { ProjectDetails, ProjectState } from '../../src/projects/projects.js';
import { assessReadiness } from '../../src/projects/readiness.js';
import { suite } from '../suite.js';

const test = suite('readiness');

function project(id: string, state: ProjectState): ProjectDetails {
  const settings = { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION };
  return { id, ...settings, created_at: null, updated_at: null, seq: 0, key_count: 0, log_id: null, state };
}

test('a server without projects is ready', () => {
  const { ready, degraded } = assessReadiness([], 'writable');
  assert.deepEqual([ready, degraded], [true, []]);
});

test('one project that can write is enough, and the others are named with their state', () => {
  const projects = [project('a', 'corrupt'), project('b', 'serving'), project('c', 'read_only')];
  const { ready, checks, degraded } = assessReadiness(projects, 'writable');
  assert.equal(ready, true);
  assert.deepEqual(degraded, [{ id: 'a', state: 'corrupt' }, { id: 'c', state: 'read_only' }]);
  assert.deepEqual(checks.map(({ name, ok }) => [name, ok]), [['projects', false], ['server_log', true]]);
});

test('a server of which no project can write is not ready', () => {
  for (const state of ['read_only', 'log_failed', 'corrupt'] as const) {
    assert.equal(assessReadiness([project('a', state)], 'writable').ready, false);
  }
});

test('a server log that cannot be written to is a failed check and no reason not to be ready', () => {
  for (const state of ['damaged', 'failed', 'read_only'] as const) {
    const { ready, checks } = assessReadiness([project('a', 'serving')], state);
    assert.equal(ready, true);
    assert.deepEqual(checks.map(({ name, ok }) => [name, ok]), [['projects', true], ['server_log', false]], state);
    assert.match(checks[1]?.detail ?? '', /no project can be created/, state);
  }
});

test('checks name no project', () => {
  const { checks } = assessReadiness([project('secret-name', 'corrupt')], 'damaged');
  assert.ok(!JSON.stringify(checks).includes('secret-name'));
});

test.run();
