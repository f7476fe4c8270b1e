import assert from 'node:assert/strict';
import { keyOf, parseTarget, projectSegmentOf } from '../../src/http/target.js';
import { suite } from '../suite.js';

const test = suite('target');

test('parseTarget() splits path and query and keeps the path raw', () => {
  assert.deepEqual(parseTarget('/a%2Fb/../c?x=1'), { path: '/a%2Fb/../c', query: [{ name: 'x', value: '1' }], authority: null });
  assert.deepEqual(parseTarget('/a?'), { path: '/a', query: [], authority: null });
  assert.deepEqual(parseTarget('*'), { path: '*', query: [], authority: null });
});

test('parseTarget() takes absolute targets apart', () => {
  assert.deepEqual(parseTarget('http://localhost:1/a?x=1'), { path: '/a', query: [{ name: 'x', value: '1' }], authority: 'localhost:1' });
  assert.deepEqual(parseTarget('HTTPS://[::1]'), { path: '/', query: [], authority: '[::1]' });
  assert.deepEqual(parseTarget('http://h?x=1').query, [{ name: 'x', value: '1' }]);
});

test('parseTarget() refuses what is malformed', () => {
  const targets = [
    '',
    'a',
    'ftp://h/',
    'http:///a',
    'http://user:secret@h/',
    '/a#b',
    '/é',
    '/\u00ff',
    '/a b',
    '/%',
    '/%4',
    '/%zz',
    '/%ff',
    '/%C0%80',
    '/%ED%A0%80',
    '/%F4%90%80%80',
    '*?x=1',
  ];
  for (const target of targets) assert.throws(() => parseTarget(target), { code: 'invalid_target' }, target);
});

test('projectSegmentOf() and keyOf() decode exactly once', () => {
  const path = '/api/v1/projects/al%70ha/keys/a%2Fb/c%252F%20+';
  assert.equal(projectSegmentOf(path), 'alpha');
  assert.equal(keyOf(path), 'a/b/c%2F +');
  assert.equal(projectSegmentOf('/api/v1/projects/%2e%2e'), '..');
  assert.equal(projectSegmentOf('/api/v1/projects/a%2Fkeys/keys/b'), 'a/keys');
  assert.equal(keyOf('/api/v1/projects/a%2Fkeys/keys/b'), 'b');
  assert.equal(keyOf('/api/v1/projects/a/keys//'), '/');
  assert.equal(keyOf('/api/v1/projects/a/keys/keys/keys'), 'keys/keys');
});

test.run();
