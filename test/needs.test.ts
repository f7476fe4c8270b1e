import assert from 'node:assert/strict';
import { packagesOf, program } from './needs.js';
import { suite } from './suite.js';

const test = suite('needs');

test('a program is there when the search path has it as something that can be executed', () => {
  assert.equal(program('sh').isMet, true);
  assert.equal(program('simplekv-no-such-program').isMet, false);
  assert.equal(program('passwd-', 'passwd').isMet, false);
});

test('what is missing names the command that brings it', () => {
  assert.equal(program('promtool', 'prometheus').remedy, 'apt-get install prometheus');
  assert.deepEqual(packagesOf('no-such-folder'), {
    name: 'the packages of test/no-such-folder', remedy: 'npm test -- no-such-folder', isMet: false,
  });
});

test.run();
