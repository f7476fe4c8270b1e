import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { checkReadPrecondition, isNotModified, refusePreconditions, writePrecondition } from '../../src/http/precondition.js';
import { suite } from '../suite.js';

const test = suite('precondition');
const LOG_ID = '0123456789abcdef0123456789abcdef';
const TAG = '"42-01234567"';

function refuses(action: () => unknown): void {
  assert.throws(action, { name: 'AppError', code: 'invalid_precondition' });
}

test('writePrecondition() parses every supported form', () => {
  const table: readonly (readonly [IncomingHttpHeaders, unknown])[] = [
    [{}, undefined],
    [{ 'if-match': '*' }, { kind: 'match' }],
    [{ 'if-match': TAG }, { kind: 'match', seq: 42 }],
    [{ 'if-match': '"42-ffffffff"' }, { kind: 'never' }],
    [{ 'if-match': '"something else"'.replace(' ', '-') }, { kind: 'never' }],
    [{ 'if-none-match': '*' }, { kind: 'absent' }],
    [{ 'if-modified-since': 'Sun, 22 Nov 2026 10:00:00 GMT' }, undefined],
  ];
  for (const [headers, expected] of table) assert.deepEqual(writePrecondition(headers, LOG_ID), expected);
});

test('writePrecondition() refuses unsupported conditions instead of ignoring them', () => {
  const table: readonly IncomingHttpHeaders[] = [
    { 'if-match': '' },
    { 'if-match': '42' },
    { 'if-match': `${TAG}, ${TAG}` },
    { 'if-match': `W/${TAG}` },
    { 'if-match': `*, ${TAG}` },
    { 'if-none-match': TAG },
    { 'if-none-match': '' },
    { 'if-match': TAG, 'if-none-match': '*' },
    { 'if-unmodified-since': 'Sun, 22 Nov 2026 10:00:00 GMT' },
    { 'if-match': TAG, 'if-unmodified-since': 'x' },
  ];
  for (const headers of table) refuses(() => writePrecondition(headers, LOG_ID));
});

test('isNotModified() compares weakly and only within one log', () => {
  const version = { seq: 42, logId: LOG_ID };
  const table: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, false],
    ['*', true],
    [TAG, true],
    [`W/${TAG}`, true],
    ['"41-01234567"', false],
    ['"42-ffffffff"', false],
    ['"x"', false],
  ];
  for (const [tag, expected] of table)
    assert.equal(isNotModified(tag === undefined ? {} : { 'if-none-match': tag }, version), expected, tag);
});

test('checkReadPrecondition() refuses write conditions and malformed tags', () => {
  checkReadPrecondition({ 'if-none-match': TAG, 'if-modified-since': 'Sun, 22 Nov 2026 10:00:00 GMT' });
  for (const headers of [
    { 'if-match': TAG },
    { 'if-match': '*' },
    { 'if-unmodified-since': 'x' },
    { 'if-none-match': 'x' },
    { 'if-none-match': `${TAG}, ${TAG}` },
  ]) {
    refuses(() => checkReadPrecondition(headers));
  }
});

test('refusePreconditions() refuses every condition', () => {
  refusePreconditions({ 'if-modified-since': 'x' });
  for (const name of ['if-match', 'if-none-match', 'if-unmodified-since']) refuses(() => refusePreconditions({ [name]: '*' }));
});

test.run();
