import assert from 'node:assert/strict';
import { endOfJsonValue, itemsOfJson, membersOfJson } from '../../src/base/json-ranges.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('json-ranges');

test('members and items are where JSON.parse finds them, whatever space there is between them', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.nat({ max: 4 }), fc.constantFrom('', ' ', '\n\t'), (value, indent, before) => {
    const text = `${before}${JSON.stringify(value, null, indent)}`;
    const start = before.length;
    assert.equal(endOfJsonValue(text, start), text.length);
    if (Array.isArray(value)) {
      const items = itemsOfJson(text, start).items.map((range) => JSON.parse(text.slice(range.start, range.end)) as unknown);
      assert.deepEqual(items, JSON.parse(text));
    } else if (typeof value === 'object' && value !== null) {
      const members = membersOfJson(text, start).map(({ name, start: from, end }) => [name, JSON.parse(text.slice(from, end)) as unknown]);
      assert.deepEqual(members, Object.entries(JSON.parse(text) as object));
    }
  }));
});

test('no more members are returned than are wanted', () => {
  const text = '{"a":1,"b":[2],"c":3}';
  assert.deepEqual([0, 2, 9].map((max) => membersOfJson(text, 0, max).map(({ name }) => name).join('')), ['', 'ab', 'abc']);
});

test('repeated members are all there, and their texts are as they stand', () => {
  const text = '{ "a" : 1.0, "\\u0061":[ 1e400 ] ,"b":"\\"}" }';
  assert.deepEqual(membersOfJson(text, 0).map(({ name, start, end }) => [name, text.slice(start, end)]), [
    ['a', '1.0'], ['a', '[ 1e400 ]'], ['b', '"\\"}"'],
  ]);
  assert.deepEqual([membersOfJson('{ }', 0), itemsOfJson('[]', 0)], [[], { count: 0, items: [] }]);
  assert.deepEqual(itemsOfJson('[1 ,[2],3]', 0, 1), { count: 3, items: [{ start: 1, end: 2 }] });
});

test('a quotation mark ends a string behind an even number of backslashes only', () => {
  for (let count = 0; count < 9; count += 1) {
    const text = `"a${'\\'.repeat(count)}"`;
    assert.equal(endOfJsonValue(`${text}","b"`, 0), text.length + (count % 2), text);
  }
});

test('a value that nests a million deep, and a string of a million escapes, have an end', () => {
  const deep = '['.repeat(1e6) + ']'.repeat(1e6);
  assert.equal(endOfJsonValue(`${deep},1`, 0), deep.length);
  const long = JSON.stringify('"'.repeat(1e6));
  assert.equal(endOfJsonValue(`${long},1`, 0), long.length);
});

test('a text that is cut off ends where it ends', () => {
  for (const text of ['', '"a', '"a\\', '{"a":1', '[[', '12', '{"a":"}', '"\\\\\\']) {
    assert.equal(endOfJsonValue(text, 0), text.length, text);
  }
});

test.run();
