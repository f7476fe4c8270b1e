import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { PROBLEM_KINDS } from '../../src/api/problems.js';
import { logLevelOf, makeProblem, toAppError } from '../../src/http/problem.js';
import { suite } from '../suite.js';

const test = suite('problem');

function documentOf(error: AppError): Record<string, unknown> {
  return JSON.parse(makeProblem(error, 'r1').body) as Record<string, unknown>;
}

test('every code has an error status and a unique title', () => {
  assert.deepEqual(Object.keys(PROBLEM_KINDS), [...ERROR_CODES]);
  for (const code of ERROR_CODES) assert.ok(PROBLEM_KINDS[code].status >= 400 && PROBLEM_KINDS[code].status < 600, code);
  assert.equal(new Set(ERROR_CODES.map((code) => PROBLEM_KINDS[code].title)).size, ERROR_CODES.length);
});

test('makeProblem() encodes the members of RFC 9457, the code, the id and the facts', () => {
  const error = new AppError('body_too_large', 'Too long', { facts: { limit: 3, status: 200, type: 'x', code: 'x', request_id: 'x' } });
  assert.deepEqual(documentOf(error), {
    type: 'urn:simplekv:problem:body_too_large',
    title: 'Body too large',
    status: 413,
    detail: 'Too long',
    code: 'body_too_large',
    request_id: 'r1',
    limit: 3,
  });
});

test('makeProblem() never states the cause of a server error', () => {
  for (const code of ERROR_CODES) {
    const { status, publicText } = PROBLEM_KINDS[code];
    if (status < 500) continue;
    assert.ok(publicText, code);
    const text = makeProblem(
      new AppError(code, 'ENOSPC in /secret/place', { facts: { path: '/secret' }, cause: new Error('secret') }),
      'r1',
    ).body;
    assert.doesNotMatch(text, /secret|ENOSPC/, code);
  }
});

test('makeProblem() states whether the change is in force despite a failure', () => {
  const error = new AppError('config_write_failed', 'EBUSY', { facts: { applied: true, path: '/secret' } });
  const document: unknown = JSON.parse(makeProblem(error, 'r1').body);
  assert.equal((document as { applied?: unknown }).applied, true);
  assert.equal('path' in (document as object), false);
  for (const code of ['disk_full', 'disk_failed', 'config_write_failed', 'outcome_unknown'] as const) {
    const { detail } = JSON.parse(makeProblem(new AppError(code, 'x', { facts: { applied: true } }), 'r1').body) as { detail: string };
    assert.match(detail, /in force/, code);
    assert.doesNotMatch(detail, /nothing was changed/, code);
  }
});

test('makeProblem() names the request for another API key if the new one was lost', () => {
  const error = new AppError('disk_failed', 'EIO', { facts: { applied: true, key_lost: true } });
  const document = JSON.parse(makeProblem(error, 'r1').body) as { detail: string; key_lost: boolean };
  assert.equal(document.key_lost, true);
  assert.match(document.detail, /in force.*new API key.*POST \/api\/v1\/projects\/\{id\}\/api-key\/regenerate creates another one$/);
});

test('makeProblem() sets Retry-After for 429, 503 and a full disk, and WWW-Authenticate for 401 and for a key that is not enough', () => {
  for (const code of ERROR_CODES) {
    const { status, headers } = makeProblem(new AppError(code, 'x'), 'r1');
    assert.equal(headers['Retry-After'] !== undefined, [429, 503].includes(status) || code === 'disk_full', code);
    assert.equal(headers['WWW-Authenticate'] !== undefined, status === 401 || code === 'forbidden', code);
    assert.equal(headers['Cache-Control'], 'no-store');
  }
  assert.equal(makeProblem(new AppError('disk_full', 'x'), 'r1').headers['Retry-After'], '5');
  assert.equal(
    makeProblem(new AppError('too_many_failed_keys', 'x', { facts: { retry_after_seconds: 37 } }), 'r1').headers['Retry-After'],
    '37',
  );
});

test('toAppError() finds the closest code for library errors', () => {
  const table: readonly (readonly [unknown, string])[] = [
    [Object.assign(new Error('x'), { type: 'entity.too.large', status: 413 }), 'body_too_large'],
    [Object.assign(new Error('x'), { type: 'request.aborted', status: 400 }), 'incomplete_body'],
    [Object.assign(new Error('x'), { type: 'toString' }), 'internal_error'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET', errno: -104 }), 'incomplete_body'],
    [Object.assign(new Error('x'), { status: 404 }), 'not_found'],
    [Object.assign(new Error('x'), { status: 418 }), 'internal_error'],
    [new TypeError('x'), 'internal_error'],
    ['text', 'internal_error'],
    [null, 'internal_error'],
  ];
  for (const [thrown, code] of table) assert.equal(toAppError(thrown).code, code);
  const error = new AppError('forbidden', 'x');
  assert.equal(toAppError(error), error);
});

test('logLevelOf() logs defects, damage and failures, but no refusals', () => {
  for (const code of ['internal_error', 'project_corrupt'] as const) assert.equal(logLevelOf(new AppError(code, 'x')), 'error');
  for (const code of ['log_failed', 'disk_full', 'config_write_failed', 'compaction_failed'] as const)
    assert.equal(logLevelOf(new AppError(code, 'x')), 'warn');
  for (const code of ['queue_full', 'starting', 'unauthorized', 'http_version_not_supported'] as const)
    assert.equal(logLevelOf(new AppError(code, 'x')), undefined);
});

test.run();
