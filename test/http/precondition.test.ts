import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import {
  checkReadPrecondition, isNotModified, refusePreconditions, type WriteParameters, writePrecondition,
} from '../../src/http/precondition.js';
import { checkQuery, parseQuery } from '../../src/http/query.js';
import { QUERY_CHECKS } from '../../src/http/route-schemas.js';
import { suite } from '../suite.js';

const test = suite('precondition');
const TAG = '"42-01234567"';

function refuses(action: () => unknown): void {
  assert.throws(action, { name: 'AppError', code: 'invalid_precondition' });
}

test('writePrecondition() parses every supported form', () => {
  const table: readonly (readonly [IncomingHttpHeaders, unknown])[] = [
    [{}, undefined],
    [{ 'if-match': '*' }, { kind: 'match' }],
    [{ 'if-match': TAG }, { kind: 'match', seq: 42, tag: 0x01234567 }],
    [{ 'if-match': '"42-ffffffff"' }, { kind: 'match', seq: 42, tag: 0xffffffff }],
    [{ 'if-match': '"something else"'.replace(' ', '-') }, { kind: 'never' }],
    [{ 'if-none-match': '*' }, { kind: 'absent' }],
    [{ 'if-modified-since': 'Sun, 22 Nov 2026 10:00:00 GMT' }, undefined],
  ];
  for (const [headers, expected] of table) assert.deepEqual(writePrecondition(headers), expected);
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
  for (const headers of table) refuses(() => writePrecondition(headers));
});

test('a refusal names a header as specifications write it', () => {
  const headers = { 'if-none-match': '*' };
  const said = { message: /^Cannot use If-None-Match: / };
  assert.throws(() => writePrecondition(headers, { if_seq: '0' }), said);
  assert.throws(() => refusePreconditions(headers), said);
});

function parametersOf(query: string): WriteParameters {
  const check = QUERY_CHECKS.get('setKey');
  assert.ok(check);
  return checkQuery(parseQuery(query), check);
}

test('if_seq is the condition of its version, and 0 that of a key that does not exist', () => {
  const table: readonly (readonly [string, unknown])[] = [
    ['', undefined],
    ['if_seq=0', { kind: 'absent' }],
    ['if_seq=1', { kind: 'match', seq: 1 }],
    ['if_seq=41', { kind: 'match', seq: 41 }],
    ['if_seq=%34%31', { kind: 'match', seq: 41 }],
    ['if_seq=9007199254740991', { kind: 'match', seq: 9_007_199_254_740_991 }],
    // No version has such a seq, and a rounded one would be that of another.
    ['if_seq=9007199254740993', { kind: 'never' }],
  ];
  for (const [query, expected] of table) {
    assert.deepEqual(writePrecondition({}, parametersOf(query)), expected, query);
  }
});

test('a malformed if_seq, and every other parameter of a write, is refused', () => {
  const queries = [
    'if_seq', 'if_seq=', 'if_seq=-1', 'if_seq=+1', 'if_seq=01', 'if_seq=1.0', 'if_seq=1e2', 'if_seq=0x1', 'if_seq=1+', 'if_seq=*',
    'if_seq=%2A', 'if_seq=12345678901234567', 'if_seq=%D9%A1', 'if_seq=null', 'If_Seq=1', 'if_seq=1&x=1', 'x=1', '__proto__=1',
    `if_seq=${'9'.repeat(9000)}`,
  ];
  for (const query of queries) {
    assert.throws(() => parametersOf(query), { name: 'AppError', code: 'invalid_query' }, query);
  }
});

test('if_seq beside a conditional header is refused, whatever the two say', () => {
  for (const headers of [{ 'if-match': TAG }, { 'if-match': 'x' }, { 'if-none-match': '*' }, { 'if-unmodified-since': 'x' }]) {
    for (const ifSeq of ['0', '42']) refuses(() => writePrecondition(headers, { if_seq: ifSeq }));
  }
});

test('isNotModified() compares weakly, and the version with its tag', () => {
  const version = { seq: 42, tag: 0x01234567 };
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
