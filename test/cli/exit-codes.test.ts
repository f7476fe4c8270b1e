/** What the exit code says. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { EXIT_CODES, exitCodeOf } from '../../src/cli/exit-codes.js';
import { ConfigError } from '../../src/config/config-error.js';
import { FolderLockedError } from '../../src/log/file/folder-lock.js';
import { suite } from '../suite.js';

const test = suite('exit-codes');

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall, errno: -1 });
}

test('the codes are those that scripts rely on', () => {
  assert.deepEqual(EXIT_CODES, { ok: 0, failure: 1, usage: 64, unavailable: 69, temporaryFailure: 75, configuration: 78 });
});

test('a configuration that cannot be used is 78', () => {
  assert.equal(exitCodeOf(new ConfigError({ pointer: '', expected: 'something else' })), 78);
});

test('a folder that another server has is 75', () => {
  assert.equal(exitCodeOf(new FolderLockedError('data', undefined)), 75);
});

test('a port or address that cannot be listened on is 69', () => {
  for (const code of ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']) assert.equal(exitCodeOf(systemError(code, 'listen')), 69);
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) assert.equal(exitCodeOf(systemError(code, 'getaddrinfo')), 69);
});

test('a file that may not be used is no port that is taken', () => {
  assert.equal(exitCodeOf(systemError('EACCES', 'open')), 1);
});

test('whatever was not foreseen is 1', () => {
  for (const error of [new Error('x'), new AppError('internal_error', 'x'), 'text', undefined]) assert.equal(exitCodeOf(error), 1);
});

test.run();
