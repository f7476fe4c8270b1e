import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AppError, isErrno, withDiskCode } from '../../src/base/app-error.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { suite } from '../suite.js';

const test = suite('app-error');

function errnoError(): unknown {
  try {
    return readFileSync(new URL('no-such-file', import.meta.url));
  } catch (error) {
    return error;
  }
}

test('an error has its code, message, facts and cause', () => {
  const cause = new Error('underneath');
  const error = new AppError('disk_full', 'Cannot append to the log: the disk is full', { facts: { limit: 3 }, cause });
  assert.ok(error instanceof Error);
  assert.equal(error.name, 'AppError');
  assert.equal(error.code, 'disk_full');
  assert.equal(error.message, 'Cannot append to the log: the disk is full');
  assert.deepEqual(error.facts, { limit: 3 });
  assert.equal(error.cause, cause);
});

test('an error without facts and cause has empty facts and no cause member', () => {
  const error = new AppError('queue_full', 'Cannot take the change');
  assert.deepEqual(error.facts, {});
  assert.equal('cause' in error, false);
});

test('codes are snake_case and unique', () => {
  for (const code of ERROR_CODES) assert.match(code, /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/);
  assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length);
});

test('isErrno() recognises a system error by any of the given names, or by having an errno', () => {
  const error = errnoError();
  assert.equal(isErrno(error, 'ENOENT'), true);
  assert.equal(isErrno(error, 'EACCES', 'ENOENT'), true);
  assert.equal(isErrno(error), true);
});

test('isErrno() is false for a system error of another name', () => {
  assert.equal(isErrno(errnoError(), 'EEXIST'), false);
});

test('an error with a code but no errno is a system error only by that name', () => {
  const error = new AppError('disk_full', 'Cannot append to the log');
  assert.equal(isErrno(error), false);
  assert.equal(isErrno(error, 'ENOSPC'), false);
  assert.equal(isErrno(Object.assign(new Error('made by hand'), { code: 'ENOSPC' }), 'ENOSPC'), true);
});

test('a value that is not an Error, or whose code is not text, is not a system error', () => {
  for (const thrown of [
    undefined, null, 'ENOENT', { code: 'ENOENT', errno: -2 }, new Error('plain'), Object.assign(new Error('number'), { code: 2 }),
  ]) {
    assert.equal(isErrno(thrown), false);
    assert.equal(isErrno(thrown, 'ENOENT'), false);
  }
});

test('an errno that only a wrong call can cause is a defect and not a disk failure', () => {
  const errno = (code: string): Error => Object.assign(new Error(code), { code, errno: -1 });
  for (const code of ['EBADF', 'EFAULT']) {
    const error = errno(code);
    assert.equal(withDiskCode(error, 'Cannot do it'), error);
  }
  for (const [code, wanted] of [['EIO', 'disk_failed'], ['EROFS', 'disk_failed'], ['ENOSPC', 'disk_full']] as const) {
    assert.equal((withDiskCode(errno(code), 'Cannot do it') as AppError).code, wanted);
  }
  const own = new TypeError('wrong');
  assert.equal(withDiskCode(own, 'Cannot do it'), own);
});

test.run();
