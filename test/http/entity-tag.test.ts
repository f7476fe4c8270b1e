import assert from 'node:assert/strict';
import { formatEntityTag, parseEntityTag, versionOf } from '../../src/http/entity-tag.js';
import { suite } from '../suite.js';

const test = suite('entity-tag');
const LOG_ID = '0123456789abcdef0123456789abcdef';

test('formatEntityTag() joins the version and the first digits of the log id', () => {
  assert.equal(formatEntityTag(42, LOG_ID), '"42-01234567"');
});

test('formatEntityTag() refuses invalid versions', () => {
  for (const seq of [0, -1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => formatEntityTag(seq, LOG_ID));
});

test('parseEntityTag() parses one strong or weak tag', () => {
  assert.deepEqual(parseEntityTag('"42-01234567"'), { weak: false, opaque: '42-01234567' });
  assert.deepEqual(parseEntityTag('W/"x"'), { weak: true, opaque: 'x' });
  assert.deepEqual(parseEntityTag('""'), { weak: false, opaque: '' });
});

test('parseEntityTag() rejects everything but exactly one tag', () => {
  for (const text of ['', '42', '"42', '42"', 'w/"x"', 'W/x', '"a", "b"', '"a" ', '"a"b"', '*', "'a'", '"a\u0000"', '"a b"']) {
    assert.equal(parseEntityTag(text), undefined, text);
  }
});

test('versionOf() reads only tags of this log in canonical spelling', () => {
  const version = (opaque: string): number | undefined => versionOf({ weak: false, opaque }, LOG_ID);
  assert.equal(version('42-01234567'), 42);
  for (const opaque of [
    '42-89abcdef',
    '042-01234567',
    '0-01234567',
    '-1-01234567',
    '42-0123456',
    '42-012345678',
    '42',
    '',
    '42-01234567 ',
    '9007199254740993-01234567',
    `${'9'.repeat(30)}-01234567`,
  ]) {
    assert.equal(version(opaque), undefined, opaque);
  }
});

test.run();
