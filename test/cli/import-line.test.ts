/** The lines that `import` takes: values token for token, and what is no entry. */
import assert from 'node:assert/strict';
import { operationOf, readEntryLine } from '../../src/cli/import-line.js';
import { suite } from '../suite.js';

const test = suite('import-line');

test('a value is kept token for token, whatever is around it', () => {
  const rows: [string, string, string][] = [
    ['{"key":"a","value":1.0}', 'a', '1.0'],
    ['{"key":"a","seq":7,"modified_at":"2026-11-22T10:00:00.000Z","expires_at":null,"value":{"n":1e400,"n":2}}', 'a', '{"n":1e400,"n":2}'],
    [' { "value" : [ 1 , "}" ] , "key" : "\\u00e9\\"" } ', 'é"', '[ 1 , "}" ]'],
    ['{"key":"a","value":12345678901234567890.10,"etag":"1-2"}', 'a', '12345678901234567890.10'],
    ['{"key":"a","value":null}\r', 'a', 'null'],
  ];
  for (const [line, key, value] of rows) {
    assert.deepEqual(readEntryLine(Buffer.from(line)), { key, value, expiresAtMs: undefined }, line);
  }
});

test('an entry becomes an operation of a batch, with its expiry and perhaps for a new key only', () => {
  const entry = readEntryLine(Buffer.from('{"key":"a\\n","value":[1.0],"expires_at":"2030-01-01T00:00:00.000Z"}'));
  assert.equal(operationOf(entry, false), '{"op":"set","key":"a\\n","expires_at":"2030-01-01T00:00:00.000Z","value":[1.0]}');
  assert.equal(operationOf({ ...entry, expiresAtMs: undefined }, true), '{"op":"set","key":"a\\n","if_seq":0,"value":[1.0]}');
});

test('what is no entry says why', () => {
  const rows: [string | Buffer, RegExp][] = [
    ['{"key":"a","value":1', /it is not JSON/], ['[1]', /not an object/], ['1', /not an object/], ['null', /not an object/],
    ['{"value":1}', /no member "key"/], ['{"key":1,"value":1}', /no member "key"/], ['{"key":"a"}', /no member "value"/],
    ['{"key":"a","value":1,"x":1}', /its member "x" is unknown/], ['{"key":"a","key":"b","value":1}', /"key" is unknown or repeated/],
    ['{"key":"a","value":1,"expires_at":"soon"}', /neither null nor a time/], ['{"key":"a","value":1,"expires_at":1}', /neither null/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
  ];
  for (const [line, message] of rows) {
    assert.throws(() => readEntryLine(Buffer.from(line)), { name: 'ImportLineError', message }, String(line));
  }
});

test.run();
