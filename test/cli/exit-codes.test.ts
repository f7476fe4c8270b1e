/** The exit code of each error. */
import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { InvariantError } from '../../src/base/invariant.js';
import { OutputError } from '../../src/cli/command-output.js';
import { UnshownTextError } from '../../src/cli/console-output.js';
import { EXIT_CODES, exitCodeOf, exitCodeOfFileCommand, MissingDataError, UsageError } from '../../src/cli/exit-codes.js';
import { RemoteError } from '../../src/cli/remote-error.js';
import { ConfigError } from '../../src/config/config-error.js';
import { ListeningError } from '../../src/config/listening-error.js';
import { FolderLockedError } from '../../src/log/file/folder-lock.js';
import { LogCorruptError } from '../../src/log/log-errors.js';
import { OutOfReachError } from '../../src/offline/replay/moment.js';
import { FolderBusyError, FolderPermissionError } from '../../src/offline/offline-lock.js';
import { suite } from '../suite.js';

const test = suite('exit-codes');

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall, errno: -1 });
}

test('the codes are those that scripts rely on', () => {
  assert.deepEqual(EXIT_CODES, {
    ok: 0, failure: 1, usage: 64, badInput: 65, noInput: 66, unavailable: 69, defect: 70, outputFailed: 74, temporaryFailure: 75,
    noPermission: 77, configuration: 78,
  });
});

test('a configuration that cannot be used is 78', () => {
  assert.equal(exitCodeOf(new ConfigError({ pointer: '', expected: 'something else' })), 78);
});

test('a key that could not be shown is 74', () => {
  assert.equal(exitCodeOf(new UnshownTextError('EPIPE: broken pipe')), 74);
});

test('a folder in use by another server is 75', () => {
  assert.equal(exitCodeOf(new FolderLockedError('data', undefined)), 75);
});

test('a port or an address that cannot be used is 69', () => {
  const attempt = { host: '127.0.0.1', port: 1, file: '/c', unwritten: undefined };
  for (const code of ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND']) {
    assert.equal(exitCodeOf(new ListeningError(attempt, systemError(code, 'listen'))), 69);
  }
});

test('a file without permission is 77', () => {
  for (const code of ['EACCES', 'EPERM', 'EROFS']) assert.equal(exitCodeOf(systemError(code, 'open')), 77);
});

test('a repair of a folder in use is 75, one without permission 77', () => {
  const locked = { command: 'repair', action: 'repair "shop"' } as const;
  assert.equal(exitCodeOf(new FolderBusyError(locked, new FolderLockedError('data', undefined))), 75);
  assert.equal(exitCodeOf(new RemoteError('x', 69)), 69);
  assert.equal(exitCodeOf(new FolderPermissionError('x')), 77);
});

test('a project that does not exist is 64, in a folder, in a backup and on a server', () => {
  assert.equal(exitCodeOf(new AppError('project_not_found', 'x')), 64);
  assert.equal(exitCodeOf(new RemoteError('x', EXIT_CODES.failure, { code: 'project_not_found' })), 64);
  assert.equal(exitCodeOf(new RemoteError('x', EXIT_CODES.failure, { code: 'not_found' })), 1);
});

test('a usage error is 64, a folder without data 66, and output that cannot be written 74', () => {
  assert.equal(exitCodeOf(new UsageError('x')), 64);
  for (const side of ['before', 'after'] as const) assert.equal(exitCodeOf(new OutOfReachError('replay', side, 'y').with('z')), 64, side);
  assert.equal(exitCodeOf(new MissingDataError('x')), 66);
  assert.equal(exitCodeOf(new OutputError('standard output', systemError('ENOSPC', 'write'))), 74);
});

test('any other error is 1', () => {
  for (const error of [new Error('x'), new AppError('internal_error', 'x'), 'text', undefined]) assert.equal(exitCodeOf(error), 1);
});

test('for a command on files 1 is an answer; a failure to get one has another code', () => {
  const damaged = new LogCorruptError({ file: 'a', offset: 0 }, 'x', 'y');
  for (const answer of [damaged, new AppError('project_newer_format', 'x')]) assert.equal(exitCodeOfFileCommand(answer), 1);
  const errnos = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'ENOENT', 'ENOTDIR', 'ELOOP'].map((code) => systemError(code, 'open'));
  for (const failure of [...errnos, new AppError('disk_full', 'x'), new AppError('disk_failed', 'x')]) {
    assert.equal(exitCodeOfFileCommand(failure), 74, String(failure));
  }
  for (const defect of [new TypeError('x'), new RangeError('x'), new InvariantError('x')]) assert.equal(exitCodeOfFileCommand(defect), 70);
  assert.equal(exitCodeOfFileCommand(new UsageError('x')), 64, 'the rest is as for a start');
});

test.run();
