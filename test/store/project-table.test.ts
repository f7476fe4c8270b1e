import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import type { ErrorCode } from '../../src/base/error-codes.js';
import { BUILT_IN_SETTINGS } from '../../src/events/project-settings.js';
import { MemoryLog } from '../../src/log/memory-log.js';
import { ProjectModel } from '../../src/projections/project-model.js';
import { ProjectTable, type RefusedProject } from '../../src/store/project-table.js';
import { ProjectStore } from '../../src/store/project-store.js';
import { suite } from '../suite.js';

const test = suite('project-table');

const SETTINGS = BUILT_IN_SETTINGS;

function store(id: string): ProjectStore {
  return new ProjectStore({ log: new MemoryLog({ project: id, logId: '0'.repeat(32) }), model: new ProjectModel() });
}

function refused(id: string): RefusedProject {
  return { id, code: 'project_corrupt', reason: `the log of ${id} is damaged at byte 7`, settings: SETTINGS };
}

function isRefusedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}

test('a served project is found with its store', () => {
  const table = new ProjectTable();
  const alpha = store('alpha');
  table.serve(alpha);
  assert.equal(table.store('alpha'), alpha);
  const found = table.get('alpha');
  assert.deepEqual(found, { kind: 'served', identity: found?.identity, store: alpha });
});

test('an unknown project is not found', () => {
  const table = new ProjectTable();
  assert.equal(table.get('alpha'), undefined);
  assert.throws(() => table.store('alpha'), isRefusedWith('project_not_found'));
  for (const name of ['__proto__', 'constructor']) assert.equal(table.get(name), undefined);
});

test('a refused project is found without a store, and the error does not contain the reason', () => {
  const table = new ProjectTable();
  table.refuse(refused('alpha'));
  const found = table.get('alpha');
  assert.deepEqual(found, { kind: 'refused', identity: found?.identity, project: refused('alpha') });
  assert.throws(() => table.store('alpha'), (error) => {
    assert.ok(isRefusedWith('project_corrupt')(error));
    assert.doesNotMatch(String(error), /byte 7/);
    return true;
  });
});

test('a removed project is gone, and its id is free', () => {
  const table = new ProjectTable();
  table.serve(store('alpha'));
  table.refuse(refused('beta'));
  table.remove('alpha');
  table.remove('beta');
  table.remove('never-there');
  assert.deepEqual(table.list(), []);
  const next = store('alpha');
  table.serve(next);
  assert.equal(table.store('alpha'), next);
});

test('a project that is refused after it was served is the same project, one of its id after a removal is not', () => {
  const table = new ProjectTable();
  table.serve(store('alpha'));
  const identity = table.get('alpha')?.identity;
  table.refuse(refused('alpha'));
  assert.equal(table.get('alpha')?.identity, identity);
  table.serve(store('alpha'));
  assert.equal(table.get('alpha')?.identity, identity);
  table.remove('alpha');
  table.serve(store('alpha'));
  assert.notEqual(table.get('alpha')?.identity, identity);
});

test('all projects are listed sorted by id', () => {
  const table = new ProjectTable();
  table.serve(store('b'));
  table.refuse(refused('a-1'));
  table.serve(store('a'));
  table.serve(store('0'));
  table.refuse(refused('a_1'));
  const ids = table.list().map((project) => (project.kind === 'served' ? project.store.id : project.project.id));
  assert.deepEqual(ids, ['0', 'a', 'a-1', 'a_1', 'b']);
});

test.run();
