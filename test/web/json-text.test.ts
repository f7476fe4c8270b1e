import assert from 'node:assert/strict';
import { compact, jsonFault, laidOut, tokensOf, treeOf, treeText } from '../../web/json-text.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('web json-text');

test('a text that is laid out or compacted has the same tokens', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.nat({ max: 3 }), (value, indent) => {
    const text = JSON.stringify(value, null, indent);
    assert.deepEqual(tokensOf(laidOut(text)), tokensOf(text));
    assert.equal(compact(text), JSON.stringify(value));
    assert.equal(compact(laidOut(text)), compact(text));
  }));
});

test('a text is laid out as JSON.stringify would, but for what is empty', () => {
  assert.equal(laidOut('{"a":[1,{"b":{}}],"c":[]}'), JSON.stringify({ a: [1, { b: {} }], c: [] }, null, 2));
});

test('the tree of a text has all of it, token for token', () => {
  const texts = [
    '{"n":9007199254740993,"d":1.50,"e":1E400}', '{"a":1,"a":2,"a":[]}', '{"__proto__":{"x":1},"constructor":null}', '"{[:,]}"', '-0',
  ];
  for (const text of texts) assert.equal(treeText(treeOf(text)), text);
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    assert.equal(treeText(treeOf(text)), text);
  }));
});

test('a fault is found by line, column and index, also after characters of several bytes', () => {
  assert.equal(jsonFault('{"a": [1, 2.5e3, null, "\\u00e9"]}'), null);
  const text = '["é😀",\n  "😀" 1]';
  assert.deepEqual(jsonFault(text), { index: text.indexOf('1'), message: 'Line 2, column 7: expected "," or "]"' });
  assert.deepEqual(jsonFault(''), { index: 0, message: 'Line 1, column 1: expected a value' });
  assert.deepEqual(jsonFault('\ufeff1'), { index: 0, message: 'Line 1, column 1: expected a value' });
});

test('what JSON.parse takes has no fault, and nothing else', () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const isJson = ((): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    })();
    assert.equal(jsonFault(text) === null, isJson);
  }));
});

test('names that mean something to objects are names like others', () => {
  const tree = treeOf('{"__proto__":{"polluted":true}}');
  assert.deepEqual(Object.keys(tree), ['.__proto__']);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test.run();
