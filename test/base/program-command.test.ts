import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { programCommand, setProgram, shellLine } from '../../src/base/program-command.js';
import { suite } from '../suite.js';

const test = suite('base/program-command');

for (const [what, script, expected] of [
  ['a clone is named by its file', '/opt/my kv/dist/bin/simplekv.js', 'node \'/opt/my kv/dist/bin/simplekv.js\' verify \'a b\''],
  ['an installed program is named by its link', '/usr/local/bin/simplekv', 'simplekv verify \'a b\''],
] as const) {
  test(what, () => {
    setProgram(script);
    try {
      assert.equal(programCommand(['verify', 'a b']), expected);
    } finally {
      setProgram('simplekv');
    }
  });
}

test('plain words are not quoted', () => {
  const words = ['simplekv', 'replay', 'shop', '--data', '/srv/data/_left/shop-00'];
  assert.equal(shellLine(words), words.join(' '));
});

test('a shell parses a line back into the same words', () => {
  const words = ['a b', 'it\'s', '$HOME', '`x`', '"', '', '*', 'ä', 'a\nb', '-5m', '\\'];
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${shellLine(words)}`], { encoding: 'utf8' });
  assert.deepEqual(stdout.split('\0').slice(0, -1), words);
});

test.run();
