import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { readValue } from '../../src/http/request-body.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('request-body');

function refusalOf(bytes: Buffer): AppError {
  try {
    readValue(bytes);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The value was taken');
}

test('readValue() keeps every token unchanged', () => {
  const texts = [
    '9007199254740993',
    '1.0',
    '1E2',
    '-0',
    '1e400',
    '5e-324',
    '0.1000000000000000055511151231257827',
    '{"b":1,"10":2,"9":3,"b":4}',
    '"\\ud800"',
    '"\\u0000"',
    'null',
    '"x"',
    'false',
    '{"__proto__":1,"then":2,"toJSON":3}',
    ' [ 1 , 2 ] ',
    '"\u2028\u2029"',
    '9'.repeat(500_000),
  ];
  for (const text of texts) assert.equal(readValue(Buffer.from(text)), text);
});

test('readValue() removes CR and LF between tokens and nothing else', () => {
  assert.equal(readValue(Buffer.from('{\r\n\t"a": 1,\n\n"b":\r"\\r\\n"\n}\n')), '{\t"a": 1,"b":"\\r\\n"}');
});

test('readValue() returns one line with the same meaning for any JSON text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(3), (value, space) => {
      const text = JSON.stringify(value, null, space);
      const line = readValue(Buffer.from(text));
      assert.equal(/[\r\n]/.test(line), false);
      assert.deepEqual(JSON.parse(line), JSON.parse(text));
    }),
  );
});

test('readValue() judges a long text as it judges a short one', () => {
  for (const length of [100, 70_000, 300_000]) {
    const values = `[${'{"a":1.0,"a":[]},'.repeat(length / 17)}1e400]`;
    assert.equal(readValue(Buffer.from(values)), values);
    const faults = [[values.slice(0, -1), '"," or "]"'], [`\ufeff${values}`, 'a value'], [`${values}x`, 'the end of the text']] as const;
    for (const [text, expected] of faults) {
      const { code, facts } = refusalOf(Buffer.from(text));
      assert.deepEqual([code, facts['expected']], ['invalid_json', expected]);
    }
  }
});

test('readValue() accepts deeply nested values', () => {
  const text = '['.repeat(100_000) + ']'.repeat(100_000);
  assert.equal(readValue(Buffer.from(text)), text);
});

test('readValue() refuses an empty body', () => {
  assert.equal(refusalOf(Buffer.alloc(0)).code, 'empty_body');
});

test('readValue() refuses bytes that are not UTF-8 with their offset', () => {
  for (const hex of ['ff', 'c080', 'eda080']) {
    const error = refusalOf(Buffer.concat([Buffer.from('"a'), Buffer.from(hex, 'hex'), Buffer.from('"')]));
    assert.equal(error.code, 'invalid_utf8');
    assert.equal(error.facts['offset'], 2);
  }
});

test('readValue() refuses invalid JSON with the position, and quotes nothing of it', () => {
  const error = refusalOf(Buffer.from('{"a":\n secret}'));
  assert.equal(error.code, 'invalid_json');
  assert.deepEqual(error.facts, { offset: 7, line: 2, column: 2, expected: 'a value' });
  assert.doesNotMatch(error.message, /secret/);
});

test('readValue() refuses a byte order mark and white space alone', () => {
  assert.equal(refusalOf(Buffer.from('\ufeff1')).facts['offset'], 0);
  assert.equal(refusalOf(Buffer.from(' \n ')).facts['offset'], 3);
});

test.run();
