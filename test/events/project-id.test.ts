import assert from 'node:assert/strict';
import { PROJECT_ID_PATTERN } from '../../src/api/project-settings.js';
import { isProjectId } from '../../src/events/project-id.js';
import { suite } from '../suite.js';

const test = suite('project-id');

test('an id consists of lower-case letters, digits, underscores and dashes, and begins with a letter or digit', () => {
  for (const text of ['a', '0', 'first_project', 'a-b', 'a_', 'a-', '0--', 'con', 'a'.repeat(63)]) {
    assert.equal(isProjectId(text), true, text);
  }
});

test('an id has 1 to 63 characters', () => {
  assert.equal(isProjectId(''), false);
  assert.equal(isProjectId('a'.repeat(64)), false);
});

test('no id has a special meaning in a path, for the server or for a file system', () => {
  const refused = [
    '.', '..', 'a.b', 'a/b', '../a', 'a\\b', '/a', 'a\0', 'a\n', '\na', 'a\r\n', 'a ', ' a', '_server', '_trash', '_left', '-a', 'A', 'aB',
    'é', 'ａ', '%2e', 'a:b', 'a*', '\u{1f600}', '\ud800', 'ı', '٣',
  ];
  for (const text of refused) assert.equal(isProjectId(text), false, JSON.stringify(text));
});

test('the pattern for schemas is equivalent', () => {
  assert.equal(new RegExp(PROJECT_ID_PATTERN, 'u').test('first_project'), true);
  assert.equal(new RegExp(PROJECT_ID_PATTERN, 'u').test('First'), false);
});

test.run();
