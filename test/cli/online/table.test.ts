/** Tables for people, and lines for programs. */
import assert from 'node:assert/strict';
import { factsText, tableText } from '../../../src/cli/online/table.js';
import { suite } from '../../suite.js';

const test = suite('cli/online/table');

test('columns are as wide as their widest cell, and numbers stand to the right', () => {
  assert.equal(tableText(['NAME', 'KEYS'], [['a', '7'], ['longer', '1200']], true), 'NAME    KEYS\na          7\nlonger  1200\n');
});

test('characters of two columns, and characters made of several, keep the columns straight', () => {
  const rows = [['日本', 'x'], ['e\u0301e\u0301e\u0301e\u0301', 'x'], ['👩‍👩‍👧👍', 'x'], ['abcd', 'x']];
  assert.equal(tableText(['KEYS', 'B'], rows, true), `KEYS  B\n${rows.map(([key = '']) => `${key}  x\n`).join('')}`);
});

test('without a terminal there are tabs, and no heading', () => {
  assert.equal(tableText(['A', 'B'], [['a', 'b c']], false), 'a\tb c\n');
  assert.equal(tableText(['A', 'B'], [], false), '');
});

test('no cell can end a line, add a column or control a terminal', () => {
  assert.equal(tableText(['A'], [['x\ny\tz\u001b[2J\u202e']], false), 'x\\u000ay\\u0009z\\u001b[2J\\u202e\n');
  assert.equal(factsText([['a', '\u009b'], ['long', 'v']]), 'a     \\u009b\nlong  v\n');
});

test.run();
