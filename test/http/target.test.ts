import assert from 'node:assert/strict';
import { NO_TARGET, parseTarget } from '../../src/http/target.js';
import { suite } from '../suite.js';

const test = suite('target');

test('parseTarget() splits path and query and keeps the path raw', () => {
  assert.deepEqual(parseTarget('/a%2Fb/../c?x=1'), { ...NO_TARGET, path: '/a%2Fb/../c', query: [{ name: 'x', value: '1' }] });
  assert.deepEqual(parseTarget('/a?'), { ...NO_TARGET, path: '/a' });
  assert.deepEqual(parseTarget('*'), { ...NO_TARGET, path: '*' });
});

test('parseTarget() parses absolute targets', () => {
  const query = [{ name: 'x', value: '1' }];
  assert.deepEqual(parseTarget('http://localhost:1/a?x=1'), { ...NO_TARGET, path: '/a', query, authority: 'localhost:1' });
  assert.deepEqual(parseTarget('HTTPS://[::1]'), { ...NO_TARGET, path: '/', authority: '[::1]' });
  assert.deepEqual(parseTarget('http://h?x=1').query, [{ name: 'x', value: '1' }]);
});

test('parseTarget() refuses malformed targets', () => {
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

test('parseTarget() decodes the project and the key of a path exactly once', () => {
  for (const [path, project, key] of [
    ['/api/v1/projects/al%70ha/keys/a%2Fb/c%252F%20+', 'alpha', 'a/b/c%2F +'],
    ['/api/v1/projects/%2e%2e', '..', null],
    ['/api/v1/projects/a%2Fkeys/keys/b', 'a/keys', 'b'],
    ['/api/v1/projects/a/keys//', 'a', '/'],
    ['/api/v1/projects/a/keys/keys/keys', 'a', 'keys/keys'],
    ['/api/v1/projects/a/keys', 'a', null],
    ['/api/v1/projects/a/api-key/regenerate', 'a', null],
    ['/api/v1/projects/', '', null],
    ['/api/v1/projects', null, null],
    ['/api/v1/projectsX/a', null, null],
  ] as const) {
    assert.deepEqual(parseTarget(path), { ...NO_TARGET, path, project, key }, path);
  }
});

test.run();
