/** What is said of a project. */
import assert from 'node:assert/strict';
import { inFolder } from '../config/config-folder.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { describeProject, describeStore } from '../../src/projects/project-details.js';
import { suite } from '../suite.js';
import { beginLife, CONTEXT, setValue } from './lives-fixture.js';

const test = suite('project-details');

test('a project that is served is described by its log, without keys and hashes', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const store = life.lives.store('first_project');
  await setValue(life, 'first_project', ['k', '"ü"']);
  const details = describeStore(store);
  assert.deepEqual(Object.keys(details), [
    'id', 'storage', 'authentication', 'quota', 'created_at', 'updated_at', 'seq', 'key_count', 'value_bytes', 'log_id', 'state',
  ]);
  assert.deepEqual(Object.keys(details.authentication), ['enabled', 'save_api_key_to_file']);
  assert.deepEqual([details.seq, details.key_count, details.log_id, details.state], [2, 1, store.logId, 'serving']);
  assert.equal(details.value_bytes, 4);
  assert.equal(new Date(details.created_at ?? '').toISOString(), details.created_at);
  assert.deepEqual(describeProject({ kind: 'served', identity: Symbol('a'), store }), details);
  await life.lives.close();
}));

test('updated_at and seq move with the settings, created_at stays', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const before = life.lives.details('first_project');
  const { details } = await life.lives.update('first_project', { storage: { segment_bytes: 8192 } }, CONTEXT);
  assert.equal(details.created_at, before.created_at);
  assert.ok((details.updated_at ?? '') >= (before.updated_at ?? ''));
  assert.equal(details.seq, 2);
  await life.lives.close();
}));

test('a log that is closed is said to have failed', () => inFolder(async (folder) => {
  const life = await beginLife(folder);
  const store = life.lives.store('first_project');
  await life.lives.close();
  assert.equal(describeStore(store).state, 'log_failed');
}));

test('a project that was refused is described by its entry, and the reason stays inside', () => {
  const settings = BUILT_IN_SETTINGS;
  const project = { id: 'a', code: 'project_corrupt', reason: 'a secret reason', settings } as const;
  const details = describeProject({ kind: 'refused', identity: Symbol('a'), project });
  const unknown = { created_at: null, updated_at: null, seq: 0, key_count: 0, value_bytes: 0, log_id: null };
  assert.deepEqual(details, { id: 'a', ...settings, ...unknown, state: 'corrupt' });
});

test.run();
