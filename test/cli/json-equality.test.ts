import assert from 'node:assert/strict';
import { hasSameJson } from '../../src/cli/json-equality.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('cli/json-equality');

test('spaces, escapes, the order of members and the spelling of numbers do not matter', () => {
  for (const [text, other] of [
    ['{"a":1,"b":[true,null]}', '{ "b": [ true, null ],\n"a": 1.0 }'], ['"\\u00e9\\/"', '"é/"'], ['1.50e2', '150'], ['-0', '0'],
    ['0.010', '1E-2'],
    ['12345678901234567890', '1234567890123456789e1'], ['{"a":"#1"}', '{"a":"#1"}'], ['{"__proto__":1}', '{"__proto__":1}'],
  ] as const) assert.ok(hasSameJson(text, other), `${text} ${other}`);
});

test('values that differ are different, however little', () => {
  for (const [text, other] of [
    ['12345678901234567890', '12345678901234567891'], ['1', '"1"'], ['"#1e0"', '1'], ['1', '-1'], ['[1,2]', '[2,1]'],
    ['{"a":1}', '{"a":1,"b":1}'],
    ['1e400', '1e401'], ['0.1', '0.10000000000000001'], ['null', 'false'], ['"a"', '"A"'], ['10', '1'],
  ] as const) assert.ok(!hasSameJson(text, other), `${text} ${other}`);
});

test('a text and its spelling by JavaScript are the same', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 3 }), (text) => {
    assert.ok(hasSameJson(text, JSON.stringify(JSON.parse(text), null, 1)));
  }));
});

test('what is not JSON is refused, and depth is no matter', () => {
  for (const text of ['', 'a', '{', '1 2', "'a'"]) assert.throws(() => hasSameJson(text, text), SyntaxError);
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  assert.ok(hasSameJson(deep, deep));
});

test.run();
