import assert from 'node:assert/strict';
import { findJsonFault } from '../../src/base/json-fault.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('json-fault');

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function offsetIn(text: string): number | undefined {
  return findJsonFault(Buffer.from(text))?.offset;
}

const VALID = [
  'null',
  ' true ',
  'false',
  '0',
  '-0',
  '-0.0',
  '1.0',
  '1E2',
  '1e+2',
  '5e-324',
  '1e400',
  '9007199254740993',
  '""',
  '"a\\u0000\\ud800"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '[]',
  '[ ]',
  '{}',
  '{ }',
  '[1,2]',
  '{"a":1,"a":2}',
  '{"":[{},[]]}',
  '\t\r\n[\n]\n',
  '"\u007f"',
  '"\u2028"',
  '"é😀"',
];

/** Text, offset of the first fault, expectation. */
const FAULTY: readonly (readonly [string, number, RegExp])[] = [
  ['', 0, /^a value$/],
  ['  ', 2, /^a value$/],
  ['tru', 3, /"true"/],
  ['nulL', 3, /"null"/],
  ['NaN', 0, /^a value$/],
  ['Infinity', 0, /^a value$/],
  ['-Infinity', 1, /digit/],
  ['+1', 0, /^a value$/],
  ['01', 1, /end of the text/],
  ['-01', 2, /end of the text/],
  ['0x10', 1, /end of the text/],
  ['1.', 2, /digit/],
  ['.5', 0, /^a value$/],
  ['1e', 2, /digit/],
  ['1e+', 3, /digit/],
  ['1 2', 2, /end of the text/],
  ["'a'", 0, /^a value$/],
  ['"a', 2, /closing double quote/],
  ['"a\nb"', 2, /control character/],
  ['"\u0000"', 1, /control character/],
  ['"\\x"', 2, /after the backslash/],
  ['"\\', 2, /after the backslash/],
  ['"\\u12g4"', 5, /hexadecimal/],
  ['"\\u12', 5, /hexadecimal/],
  ['[', 1, /a value or "\]"/],
  ['[1', 2, /"," or "\]"/],
  ['[1,', 3, /^a value$/],
  ['[1,]', 3, /^a value$/],
  ['[,1]', 1, /a value or "\]"/],
  ['[1}', 2, /"," or "\]"/],
  ['{', 1, /a name in double quotes or "}"/],
  ['{a:1}', 1, /a name in double quotes or "}"/],
  ['{"a"}', 4, /":"/],
  ['{"a":}', 5, /^a value$/],
  ['{"a":1,}', 7, /^a name in double quotes$/],
  ['{"a":1]', 6, /"," or "}"/],
  ['{"a" 1}', 5, /":"/],
  ['[1] // no', 4, /end of the text/],
  ['/* no */ 1', 0, /^a value$/],
  ['\ufeff1', 0, /^a value$/],
  ['\u00a01', 0, /^a value$/],
  [']', 0, /^a value$/],
];

test('findJsonFault() finds nothing in valid texts', () => {
  for (const text of VALID) {
    assert.equal(isJson(text), true, text);
    assert.equal(findJsonFault(Buffer.from(text)), undefined, text);
  }
});

test('findJsonFault() names the first fault of each faulty text', () => {
  for (const [text, offset, expected] of FAULTY) {
    assert.equal(isJson(text), false, text);
    const fault = findJsonFault(Buffer.from(text));
    assert.equal(fault?.offset, offset, text);
    assert.match(fault?.expected ?? '', expected, text);
  }
});

test('findJsonFault() counts lines by LF and columns in characters, offsets in bytes', () => {
  assert.deepEqual(findJsonFault(Buffer.from('{\r\n "é😀": x}')), { offset: 14, line: 2, column: 8, expected: 'a value' });
  assert.deepEqual(findJsonFault(Buffer.from('x')), { offset: 0, line: 1, column: 1, expected: 'a value' });
});

test('findJsonFault() needs no stack for nesting', () => {
  const depth = 500_000;
  assert.equal(findJsonFault(Buffer.from('['.repeat(depth) + ']'.repeat(depth))), undefined);
  assert.equal(offsetIn('['.repeat(depth)), depth);
  assert.equal(offsetIn('{"a":'.repeat(depth)), depth * '{"a":'.length);
});

test('findJsonFault() agrees with JSON.parse on any JSON value with a few characters changed', () => {
  const edit = fc.record({
    at: fc.nat(200),
    take: fc.nat(3),
    put: fc.string({ maxLength: 3, unit: fc.constantFrom(...'{}[]:,"\\/ \n\t\r0123456789.eE+-truefalsn\u0000x'.split('')) }),
  });
  const text = fc
    .tuple(fc.json(), fc.array(edit, { maxLength: 2 }))
    .map(([json, edits]) =>
      edits.reduce(
        (whole, { at, take, put }) => whole.slice(0, at % (whole.length + 1)) + put + whole.slice((at % (whole.length + 1)) + take),
        json,
      ),
    );
  fc.assert(
    fc.property(text, (candidate) => {
      assert.equal(findJsonFault(Buffer.from(candidate)) === undefined, isJson(Buffer.from(candidate).toString()));
    }),
  );
});

test('findJsonFault() agrees with JSON.parse on texts made of JSON tokens', () => {
  const token = fc.constantFrom('{', '}', '[', ']', ':', ',', '"a"', '1', '-', '0', '.', 'e', 'null', ' ', '"\\u00', 'true');
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const text = tokens.join('');
      assert.equal(findJsonFault(Buffer.from(text)) === undefined, isJson(text), text);
    }),
  );
});

test.run();
