/** A printed command can be pasted. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { shellLine } from '../../src/base/shell-line.js';
import { suite } from '../suite.js';

const test = suite('base/shell-line');

test('plain words stand as they are', () => {
  const words = ['simplekv', 'replay', 'shop', '--data', '/srv/data/_left/shop-00'];
  assert.equal(shellLine(words), words.join(' '));
});

test('a shell gives back every word as it was', () => {
  const words = ['a b', 'it\'s', '$HOME', '`x`', '"', '', '*', 'ä', 'a\nb', '-5m', '\\'];
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${shellLine(words)}`], { encoding: 'utf8' });
  assert.deepEqual(stdout.split('\0').slice(0, -1), words);
});

test.run();
