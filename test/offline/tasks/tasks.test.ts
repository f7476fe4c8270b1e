/** Errors keep everything that callers act on when they cross from a thread. */
import assert from 'node:assert/strict';
import { AppError } from '../../../src/base/app-error.js';
import { LogCorruptError } from '../../../src/log/log-errors.js';
import { errorOf, failureOf, TaskError } from '../../../src/offline/tasks/tasks.js';
import { SnapshotCorruptError } from '../../../src/projections/snapshot/snapshot-errors.js';
import { suite } from '../../suite.js';

const test = suite('offline/tasks/tasks');

/** The error as received from a thread. */
function cross(thrown: unknown): Error {
  return errorOf(structuredClone(failureOf(thrown)));
}

test('an error with a stable code keeps code, text and facts', () => {
  const crossed = cross(new AppError('disk_full', 'Cannot do it: the disk is full', { facts: { limit: 3 } }));
  assert.ok(crossed instanceof AppError);
  assert.equal(crossed.code, 'disk_full');
  assert.equal(crossed.message, 'Cannot do it: the disk is full');
  assert.deepEqual(crossed.facts, { limit: 3 });
  assert.equal(crossed.name, 'AppError');
});

test('an error of its own class keeps its name, also with a stable code', () => {
  const crossed = cross(new LogCorruptError({ file: 'p.jsonl', offset: 7, seq: 2 }, 'a line', 'none'));
  assert.ok(crossed instanceof AppError);
  assert.equal(crossed.name, 'LogCorruptError');
  assert.equal(crossed.code, 'project_corrupt');
  assert.match(crossed.message, /"p\.jsonl" at byte 7, seq 2/);
});

test('the plain fields of an error without a stable code become facts', () => {
  const crossed = cross(new SnapshotCorruptError({ file: 'snap-1.json', offset: 9 }, 'a CRC', 'another'));
  assert.ok(crossed instanceof TaskError);
  assert.equal(crossed.name, 'SnapshotCorruptError');
  assert.deepEqual(crossed.failure.facts, { file: 'snap-1.json', offset: 9, expected: 'a CRC', found: 'another' });
});

test('an errno keeps its name', () => {
  const crossed = cross(Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2, syscall: 'open' }));
  assert.ok(crossed instanceof TaskError);
  assert.equal(crossed.code, 'ENOENT');
  assert.equal(crossed.failure.facts['syscall'], 'open');
});

test('a thrown value that is no error becomes text', () => {
  assert.equal(cross('torn').message, 'torn');
});

test('the stack is that of the thread', () => {
  const thrown = new Error('here');
  assert.equal(cross(thrown).stack, thrown.stack);
});

test.run();
