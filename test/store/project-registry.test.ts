import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { ErrorCode } from '../../src/base/error-codes.js';
import { BUILT_IN_AUTHENTICATION, BUILT_IN_STORAGE } from '../../src/events/project-settings.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ProjectRegistry, type RefusedProject } from '../../src/store/project-registry.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';

const test = suite('project-registry');

const SETTINGS = { storage: BUILT_IN_STORAGE, authentication: BUILT_IN_AUTHENTICATION };

function store(id: string): ProjectStore {
  return new ProjectStore({ log: new MemoryLog({ project: id, logId: '0'.repeat(32) }), model: new ProjectModel() });
}

function refused(id: string): RefusedProject {
  return { id, code: 'project_corrupt', reason: `the log of ${id} is damaged at byte 7`, settings: SETTINGS };
}

function isRefusedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}

test('a project that is served is found with its store', () => {
  const registry = new ProjectRegistry();
  const alpha = store('alpha');
  registry.serve(alpha);
  assert.equal(registry.store('alpha'), alpha);
  const found = registry.get('alpha');
  assert.deepEqual(found, { kind: 'served', identity: found?.identity, store: alpha });
});

test('a project that nobody registered is not found', () => {
  const registry = new ProjectRegistry();
  assert.equal(registry.get('alpha'), undefined);
  assert.throws(() => registry.store('alpha'), isRefusedWith('project_not_found'));
  for (const name of ['__proto__', 'constructor']) assert.equal(registry.get(name), undefined);
});

test('a refused project is named and has no store; why, the caller is not told', () => {
  const registry = new ProjectRegistry();
  registry.refuse(refused('alpha'));
  const found = registry.get('alpha');
  assert.deepEqual(found, { kind: 'refused', identity: found?.identity, project: refused('alpha') });
  assert.throws(() => registry.store('alpha'), (error) => {
    assert.ok(isRefusedWith('project_corrupt')(error));
    assert.doesNotMatch(String(error), /byte 7/);
    return true;
  });
});

test('a project that is removed is gone, and its id is free', () => {
  const registry = new ProjectRegistry();
  registry.serve(store('alpha'));
  registry.refuse(refused('beta'));
  registry.remove('alpha');
  registry.remove('beta');
  registry.remove('never-there');
  assert.deepEqual(registry.list(), []);
  const next = store('alpha');
  registry.serve(next);
  assert.equal(registry.store('alpha'), next);
});

test('a project that is refused after it was served is the same project, one of its id after a removal is not', () => {
  const registry = new ProjectRegistry();
  registry.serve(store('alpha'));
  const identity = registry.get('alpha')?.identity;
  registry.refuse(refused('alpha'));
  assert.equal(registry.get('alpha')?.identity, identity);
  registry.serve(store('alpha'));
  assert.equal(registry.get('alpha')?.identity, identity);
  registry.remove('alpha');
  registry.serve(store('alpha'));
  assert.notEqual(registry.get('alpha')?.identity, identity);
});

test('all projects are listed by id, in whatever order they came', () => {
  const registry = new ProjectRegistry();
  registry.serve(store('b'));
  registry.refuse(refused('a-1'));
  registry.serve(store('a'));
  registry.serve(store('0'));
  registry.refuse(refused('a_1'));
  const ids = registry.list().map((project) => (project.kind === 'served' ? project.store.id : project.project.id));
  assert.deepEqual(ids, ['0', 'a', 'a-1', 'a_1', 'b']);
});

test.run();
