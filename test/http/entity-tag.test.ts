import assert from 'node:assert/strict';
import { entityTagOfLine, formatEntityTag, parseEntityTag, versionIn } from '../../src/http/entity-tag.js';
import { versionTag } from '../../src/events/key-version.js';
import { suite } from '../suite.js';

const test = suite('entity-tag');

test('formatEntityTag() joins the version and its tag', () => {
  assert.equal(formatEntityTag({ seq: 42, tag: 0x01234567 }), '"42-01234567"');
  assert.equal(formatEntityTag({ seq: 1, tag: 0xffffffff }), '"1-ffffffff"');
});

test('the tag of a version is the beginning of the hash of its line', () => {
  const hash = '0123456789abcdef'.repeat(4);
  assert.equal(entityTagOfLine(42, hash), '"42-01234567"');
  assert.equal(entityTagOfLine(42, hash), formatEntityTag({ seq: 42, tag: versionTag(hash) }));
});

test('formatEntityTag() refuses invalid versions', () => {
  for (const seq of [0, -1, 1.5, Number.NaN, 2 ** 53]) assert.throws(() => formatEntityTag({ seq, tag: 1 }));
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

test('versionIn() reads only tags in canonical spelling', () => {
  const version = (opaque: string): unknown => versionIn({ weak: false, opaque });
  assert.deepEqual(version('42-01234567'), { seq: 42, tag: 0x01234567 });
  assert.deepEqual(version('1-ffffffff'), { seq: 1, tag: 0xffffffff });
  for (const opaque of [
    '42-89abcdeF',
    '42-89abcdeg',
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
