import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { readReadRequest } from '../../src/http/read-request.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('read-request');

const KEY_BYTES_MAX = 16;
const MIB = 1_048_576;

function read(text: string | Buffer): unknown {
  return readReadRequest(Buffer.from(text), KEY_BYTES_MAX);
}

/** The code of a refusal, and the facts that name the place. */
function refusalOf(text: string | Buffer): readonly [string, unknown] {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return [error.code, error.facts['pointer'] ?? error.facts['offset'] ?? error.facts['actual']];
  }
  return ['accepted', undefined];
}

function keysText(count: number): string {
  return `{"keys":[${Array.from({ length: count }, (_, index) => `"k${index}"`).join(',')}]}`;
}

test('a body names 1 to 1,000 keys, and whether their values are wanted', () => {
  assert.deepEqual(read('{"keys":["a"]}'), { keys: ['a'], withValues: true });
  assert.deepEqual(read(' {\r\n\t"values" : false , "keys" : [ "b" , "a" ,"b" ] } \n'), { keys: ['b', 'a', 'b'], withValues: false });
  assert.deepEqual(read('{"keys":["a\\u0062\\/","ü😀","\\ud83d\\ude00"],"values":true}'), { keys: ['ab/', 'ü😀', '😀'], withValues: true });
  assert.deepEqual(read('{"\\u006beys":["a]}\\"\\\\"]}'), { keys: ['a]}"\\'], withValues: true });
  assert.equal((read(keysText(1000)) as { keys: unknown[] }).keys.length, 1000);
});

test('a body of another shape is refused, and its place is named', () => {
  const table: readonly (readonly [string, string, unknown])[] = [
    ['null', 'invalid_body', ''],
    ['[]', 'invalid_body', ''],
    ['["a"]', 'invalid_body', ''],
    ['"keys"', 'invalid_body', ''],
    ['1', 'invalid_body', ''],
    ['{}', 'invalid_body', '/keys'],
    ['{"values":true}', 'invalid_body', '/keys'],
    ['{"keys":[]}', 'invalid_body', '/keys'],
    ['{"keys":"a"}', 'invalid_body', '/keys'],
    ['{"keys":{"a":1}}', 'invalid_body', '/keys'],
    ['{"keys":null}', 'invalid_body', '/keys'],
    ['{"keys":["a",1]}', 'invalid_body', '/keys/1'],
    ['{"keys":["a",null]}', 'invalid_body', '/keys/1'],
    ['{"keys":[["a"]]}', 'invalid_body', '/keys/0'],
    ['{"keys":["a"],"values":1}', 'invalid_body', '/values'],
    ['{"keys":["a"],"values":"true"}', 'invalid_body', '/values'],
    ['{"keys":["a"],"values":null}', 'invalid_body', '/values'],
    ['{"keys":["a"],"keys":["a"]}', 'invalid_body', '/keys'],
    ['{"keys":["a"],"\\u006beys":["a"]}', 'invalid_body', '/keys'],
    ['{"values":true,"values":true,"keys":["a"]}', 'invalid_body', '/values'],
    ['{"keys":["a"],"x":1}', 'invalid_body', '/x'],
    ['{"keys":["a"],"__proto__":{}}', 'invalid_body', '/__proto__'],
    ['{"keys":["a"],"a/b~":1}', 'invalid_body', '/a~1b~0'],
    ['{"Keys":["a"]}', 'invalid_body', '/Keys'],
    [`{"${'x'.repeat(500)}":1}`, 'invalid_body', `/${'x'.repeat(99)}`],
    [keysText(1001), 'too_many_keys', 1001],
    [`{"keys":[${'"",'.repeat(5000)}"a"]}`, 'too_many_keys', 5001],
    ['{"keys":["a",""]}', 'invalid_key', '/keys/1'],
    ['{"keys":["a\\u0000"]}', 'invalid_key', '/keys/0'],
    ['{"keys":["\\ud800"]}', 'invalid_key', '/keys/0'],
    ['{"keys":["12345678901234567"]}', 'invalid_key', '/keys/0'],
    ['{"keys":["123456789012345ü"]}', 'invalid_key', '/keys/0'],
  ];
  for (const [text, ...expected] of table) assert.deepEqual(refusalOf(text), expected, text);
});

test('what is not JSON is refused as that, with the position of the fault', () => {
  const table: readonly (readonly [string, unknown])[] = [
    ['{', 1],
    ['{"keys":["a"]', 13],
    ['{"keys":["a"]}x', 14],
    ['{"keys":["a"]}{}', 14],
    ['{"keys":["a",]}', 13],
    ['{"keys":["a"],}', 14],
    ['{"keys":["a" "b"]}', 13],
    ['{"keys" ["a"]}', 8],
    ["{'keys':['a']}", 1],
    ['{"keys":["\\x"]}', 11],
    ['{"keys":["a\nb"]}', 11],
    ['{"keys":["a"],"values":truex}', 27],
    ['{"keys":["a"],"x":01}', 19],
    ['{"keys":["a', 11],
    ['{"keys":["a\\', 12],
    ['\ufeff{"keys":["a"]}', 0],
    [`${keysText(1001)}x`, keysText(1001).length],
    [`{"keys":[${'"a",'.repeat(1500)}"\\q"]}`, 9 + 4 * 1500 + 2],
  ];
  for (const [text, offset] of table) assert.deepEqual(refusalOf(text), ['invalid_json', offset], text.slice(0, 60));
  assert.deepEqual(refusalOf(''), ['empty_body', undefined]);
  assert.deepEqual(refusalOf(Buffer.from([0x7b, 0xff])), ['invalid_utf8', 1]);
});

test('a body is accepted exactly if a parser finds that shape in it', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', ' ', '"keys"', '"values"', 'true', 'false', '"a"', '"b"', '1', '"');
  const text = fc.oneof(
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    fc.json(),
    fc.record({ keys: fc.array(fc.string({ maxLength: 4 }), { maxLength: 3 }), values: fc.boolean() }, { requiredKeys: ['keys'] })
      .map((body) => JSON.stringify(body)),
  );
  fc.assert(fc.property(text, (body) => {
    const [code] = refusalOf(body);
    let parsed: unknown;
    try {
      parsed = JSON.parse(body);
    } catch {
      assert.ok(code === 'invalid_json' || code === 'empty_body', `${body}: ${code}`);
      return;
    }
    assert.notEqual(code, 'invalid_json', body);
    if (code !== 'accepted') return;
    const { keys, withValues } = read(body) as { keys: readonly string[]; withValues: boolean };
    const { keys: expected, values = true } = parsed as { keys: readonly string[]; values?: boolean };
    assert.deepEqual([keys, withValues], [expected, values]);
  }));
});

test('four MiB of anything are refused in a moment', () => {
  const fillers = ['[', '[],', '{"keys":', '"",', '"a",', '1,', '\\', '"\\u0000",', ' ', '{"keys":[', 'null,'];
  for (const filler of fillers) {
    for (const start of ['', '{"keys":[', '{"x":[', '{"keys":["']) {
      const text = start + filler.repeat(Math.floor((4 * MIB) / filler.length));
      const startedMs = performance.now();
      assert.notEqual(refusalOf(text)[0], 'accepted');
      // Some hundredths of a second; a machine with much to do may take longer.
      assert.ok(performance.now() - startedMs < 3000, `${start}${filler}: ${performance.now() - startedMs} ms`);
    }
  }
});

test.run();
