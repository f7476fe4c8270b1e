import assert from 'node:assert/strict';
import { findRepeatedMember } from '../../src/base/repeated-member.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('repeated-member');

test('a duplicate member is found, with its pointer', () => {
  const rows: readonly [text: string, pointer: string][] = [
    ['{"a":1,"a":2}', '/a'],
    ['{"a":{"b":[],"b":[]}}', '/a/b'],
    ['[1,{"x":0},{"y":"a,b","z":{},"y":2}]', '/2/y'],
    ['{"projects":[{"id":"a"},{"id":"b","id":"c"}]}', '/projects/1/id'],
    ['{"\\u0061":1,"a":2}', '/a'],
    ['{"a/b~":1,"a/b~":2}', '/a~1b~0'],
    ['{"":1,"":2}', '/'],
    ['{"__proto__":1,"__proto__":2}', '/__proto__'],
    ['{"a":[[],[{}]],"b":1,"b":2}', '/b'],
  ];
  for (const [text, pointer] of rows) assert.equal(findRepeatedMember(text), pointer, text);
});

test('the same name in different objects, and strings that look like members, are no duplicates', () => {
  const objects = ['{"a":{"a":1},"b":{"a":1}}', '[{"a":1},{"a":1}]', '{"a":"\\",\\"a\\":1"}', '{"a":"b","b":"a"}'];
  for (const text of [...objects, '["a","a"]', '1', '"a"']) {
    assert.equal(findRepeatedMember(text), undefined, text);
  }
});

test('no output of JSON.stringify has a duplicate', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(findRepeatedMember(JSON.stringify(value)), undefined);
  }));
});

test('duplicating any member of an object is found', () => {
  const members = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(fc.property(members, fc.nat(), (object, choice) => {
    const parts = Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const repeated = parts[choice % parts.length] ?? '';
    assert.notEqual(findRepeatedMember(`{${[...parts, repeated].join(',')}}`), undefined);
  }));
});

test.run();
