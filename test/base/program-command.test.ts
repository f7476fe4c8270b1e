/** What a message advises can be pasted where the program was started. */
import assert from 'node:assert/strict';
import { programCommand, setProgram } from '../../src/base/program-command.js';
import { suite } from '../suite.js';

const test = suite('base/program-command');

for (const [what, script, expected] of [
  ['a clone is named by its file', '/opt/my kv/dist/src/cli/main.js', 'node \'/opt/my kv/dist/src/cli/main.js\' verify \'a b\''],
  ['an installed program is named as it was linked', '/usr/local/bin/simplekv', 'simplekv verify \'a b\''],
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

test.run();
