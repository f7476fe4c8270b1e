/** Text that is fit for a terminal. */
import assert from 'node:assert/strict';
import { printable, printableOutput, shownText } from '../../src/cli/printable.js';
import { suite } from '../suite.js';

const test = suite('cli/printable');

test('controls and changes of direction are escaped, and the JSON of a value means the same', () => {
  const value = '\u001b[2J\u007f\u009b\u202e\u2066\u200f\u2028é日👍';
  const text = `"${value.slice(1)}"`;
  assert.equal(JSON.parse(printable(text)), JSON.parse(text));
  assert.doesNotMatch(printable(value), /[\u0000-\u001f\u007f-\u009f\u200f\u2028\u202e\u2066]/);
  assert.equal(printable('é日👍 "a"'), 'é日👍 "a"');
});

test('only a terminal gets another text', () => {
  assert.equal(shownText('\u009b', true), '\\u009b');
  assert.equal(shownText('\u009b', false), '\u009b');
});

test('output keeps its lines, tabs and colours', () => {
  const colored = '\u001b[32mset\u001b[39m\ta\n';
  assert.equal(printableOutput(`${colored}"\u009b\u202e\u007f"\n`), `${colored}"\\u009b\\u202e\\u007f"\n`);
});

test.run();
