import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { folderOf, parentOf, pathOf } from '../../web/folders.js';

const test = suite('web folders');

test('a key is in the folder of its first separator after the prefix', () => {
  assert.equal(folderOf('user/1/name', ''), 'user/');
  assert.equal(folderOf('user/1/name', 'user/'), 'user/1/');
  assert.equal(folderOf('session:ab/c', ''), 'session:');
  assert.equal(folderOf('user/1', 'user/'), null);
  assert.equal(folderOf('user/1', 'us'), 'user/');
  assert.equal(folderOf('/leading', ''), '/');
});

test('a folder knows those that it is in', () => {
  assert.deepEqual(pathOf('a/b:c/rest'), ['a/', 'a/b:', 'a/b:c/']);
  assert.deepEqual([parentOf('a/b:'), parentOf('a/'), parentOf('a/b:re'), parentOf('re')], ['a/', '', 'a/b:', '']);
});

test.run();
