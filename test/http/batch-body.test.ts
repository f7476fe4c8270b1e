import assert from 'node:assert/strict';
import { AppError } from '../../src/base/app-error.js';
import { answerCharactersMax, readBatch } from '../../src/http/batch-body.js';
import type { BatchStep } from '../../src/store/command.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';

const test = suite('batch-body');

const LIMITS = { opsMax: 3, keyBytesMax: 10, valueBytesMax: 20 };

function read(text: string): readonly BatchStep[] {
  return readBatch(text, LIMITS);
}

function refusalOf(text: string): AppError {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  throw new Error(`${text} was accepted`);
}

test('operations are read in their order, with their conditions, and values as they were sent', () => {
  const check = '{"op":"check","key":"a","if_seq":0}';
  const set = '{"key":"b","value": {"n":1.0, "n":1e400} ,"op":"set","if_match":"\\"7-00112233\\""}';
  assert.deepEqual(read(`{"ops":[${check},${set} , {"op":"delete","key":"é","if_exists":true,"if_seq":4}]}`), [
    { op: 'check', key: 'a', precondition: { kind: 'absent' } },
    { op: 'set', key: 'b', value: '{"n":1.0, "n":1e400}', precondition: { kind: 'match', seq: 7, tag: 0x00112233 } },
    { op: 'delete', key: 'é', ifExists: true, precondition: { kind: 'match', seq: 4 } },
  ]);
  const [other] = read('{"ops":[{"op":"check","key":"a","if_match":"\\"7-ffffffff\\""}]}');
  assert.deepEqual(other, { op: 'check', key: 'a', precondition: { kind: 'match', seq: 7, tag: 0xffffffff } });
  assert.deepEqual(read(' {"ops":[{"op":"set","key":"\\u0061","value":"\\u0061"}]} '), [{ op: 'set', key: 'a', value: '"\\u0061"' }]);
});

/** JSON in which any character of a string may be an escape. */
const spelled = (text: string, escapes: readonly boolean[]): string => {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const spell = (unit: number, at: number): string => (
    escapes[at % escapes.length] === true
      ? `\\u${unit.toString(16).padStart(4, '0')}`
      : JSON.stringify(String.fromCharCode(unit)).slice(1, -1)
  );
  return `"${units.map(spell).join('')}"`;
};

test('operations are what JSON.parse makes of them, however they are spelled, spaced and ordered', () => {
  const key = fc.string({ minLength: 1, maxLength: 9, unit: 'grapheme-ascii' });
  const operation = fc.record({ key, value: fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined }), ifSeq: fc.nat({ max: 3 }) });
  const escaped = fc.array(fc.boolean(), { minLength: 1 });
  const form = fc.record({ space: fc.constantFrom('', ' ', '\t '), escapes: escaped, isReversed: fc.boolean() });
  fc.assert(fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), form, (operations, { space, escapes, isReversed }) => {
    const limits = { opsMax: 5, keyBytesMax: 9, valueBytesMax: 1_000_000 };
    const texts = operations.map(({ key: name, value, ifSeq }) => {
      const change = value === undefined ? [['op', '"check"']] : [['op', spelled('set', escapes)], ['value', JSON.stringify(value)]];
      const members = [...change, ['key', spelled(name, escapes)], ...(ifSeq > 0 || value === undefined ? [['if_seq', `${ifSeq}`]] : [])];
      const inOrder = isReversed ? members.toReversed() : members;
      return `{${space}${inOrder.map(([one = '', text]) => `${spelled(one, escapes)}${space}:${text}`).join(`${space},`)}${space}}`;
    });
    const precondition = (seq: number): object => (seq === 0 ? { kind: 'absent' } : { kind: 'match', seq });
    const expected = operations.map(({ key: name, value, ifSeq }) => (
      value === undefined
        ? { op: 'check', key: name, precondition: precondition(ifSeq) }
        : { op: 'set', key: name, value: JSON.stringify(value), ...(ifSeq > 0 && { precondition: precondition(ifSeq) }) }
    ));
    const body = `${space}{${space}${spelled('ops', escapes)}${space}:${space}[${texts.join(`${space},${space}`)}${space}]${space}}`;
    assert.deepEqual(JSON.parse(body).ops.length, operations.length);
    assert.deepEqual(readBatch(body, limits), expected);
  }));
});

/** What is refused, where, and what was expected there. */
const INVALID: readonly (readonly [text: string, pointer: string, expected: RegExp])[] = [
  ['[]', '', /"ops"/],
  ['{}', '', /"ops"/],
  ['{"ops":[],"x":1}', '', /no other/],
  ['{"ops":[],"ops":[]}', '', /no other/],
  ['null', '', /"ops"/],
  ['{"ops":{}}', '/ops', /array/],
  ['{"ops":[]}', '/ops', /at least one/],
  ['{"ops":[1]}', '/ops/0', /object/],
  ['{"ops":[{"op":"check","key":"a","if_seq":1},[]]}', '/ops/1', /object/],
  ['{"ops":[{"op":"set","key":"a","value":1,"value":2}]}', '/ops/0', /"value" once/],
  ['{"ops":[{"key":"a"}]}', '/ops/0/op', /"check"/],
  ['{"ops":[{"op":"touch","key":"a"}]}', '/ops/0/expires_at', /ttl_seconds/],
  ['{"ops":[{"op":"expire","key":"a"}]}', '/ops/0/op', /"check"/],
  ['{"ops":[{"op":"toString","key":"a"}]}', '/ops/0/op', /"check"/],
  ['{"ops":[{"op":1,"key":"a"}]}', '/ops/0/op', /"check"/],
  ['{"ops":[{"op":"set","key":"a","value":1,"\\u0076alue":2}]}', '/ops/0', /"value" once/],
  ['{"ops":[{"op":"set","key":"a","if_exists":true}]}', '/ops/0/if_exists', /no such member/],
  ['{"ops":[{"op":"set","key":"a"}],"dry_run":true}', '', /no other/],
  ['{"ops":[{"op":"set","key":"a","value":1,"if_exists":true}]}', '/ops/0/if_exists', /no such member/],
  ['{"ops":[{"op":"set","key":"a","value":1,"constructor":1,"if_exists":true}]}', '/ops/0/constructor', /no such member/],
  ['{"ops":[{"op":"set","key":"a","value":1}],"ops":[]}', '', /no other/],
  ['{"x":1,"ops":[]}', '', /no other/],
  ['{"ops":[{"op":"set","key":"a","value":1,"ttl_seconds":0}]}', '/ops/0/ttl_seconds', /whole number of seconds from 1/],
  ['{"ops":[{"op":"delete","key":"a","ttl_seconds":1}]}', '/ops/0/ttl_seconds', /no such member/],
  ['{"ops":[{"op":"set","key":"a","value":1,"a/b~c":1}]}', '/ops/0/a~1b~0c', /no such member/],
  ['{"ops":[{"op":"delete","key":"a","value":1}]}', '/ops/0/value', /no such member/],
  ['{"ops":[{"op":"set","value":1}]}', '/ops/0/key', /a key/],
  ['{"ops":[{"op":"set","key":"","value":1}]}', '/ops/0/key', /a key/],
  ['{"ops":[{"op":"set","key":1,"value":1}]}', '/ops/0/key', /a key/],
  ['{"ops":[{"op":"set","key":"\\ud800","value":1}]}', '/ops/0/key', /a key/],
  ['{"ops":[{"op":"set","key":"\\u0000","value":1}]}', '/ops/0/key', /a key/],
  ['{"ops":[{"op":"set","key":"ääääää","value":1}]}', '/ops/0/key', /1 to 10 bytes/],
  ['{"ops":[{"op":"set","key":"a"}]}', '/ops/0/value', /any JSON value/],
  ['{"ops":[{"op":"check","key":"a"}]}', '/ops/0/if_seq', /a check needs/],
  ['{"ops":[{"op":"check","key":"a","if_seq":-1}]}', '/ops/0/if_seq', /a seq/],
  ['{"ops":[{"op":"check","key":"a","if_seq":1.0}]}', '/ops/0/if_seq', /a seq/],
  ['{"ops":[{"op":"check","key":"a","if_seq":"1"}]}', '/ops/0/if_seq', /a seq/],
  ['{"ops":[{"op":"check","key":"a","if_seq":null}]}', '/ops/0/if_seq', /a seq/],
  ['{"ops":[{"op":"check","key":"a","if_seq":9007199254740993}]}', '/ops/0/if_seq', /a seq/],
  ['{"ops":[{"op":"check","key":"a","if_match":"*"}]}', '/ops/0/if_match', /entity tag/],
  ['{"ops":[{"op":"check","key":"a","if_match":"W/\\"1-00112233\\""}]}', '/ops/0/if_match', /entity tag/],
  ['{"ops":[{"op":"check","key":"a","if_match":1}]}', '/ops/0/if_match', /entity tag/],
  ['{"ops":[{"op":"check","key":"a","if_match":"\\"1-00112233\\"","if_seq":1}]}', '/ops/0/if_match', /not both/],
  ['{"ops":[{"op":"delete","key":"a","if_exists":1}]}', '/ops/0/if_exists', /true or false/],
  ['{"ops":[{"op":"delete","key":"a","if_exists":null}]}', '/ops/0/if_exists', /true or false/],
];

for (const [text, pointer, expected] of INVALID) {
  test(`${text} is refused at "${pointer}"`, () => {
    const { code, facts } = refusalOf(text);
    assert.equal(code, 'invalid_batch');
    assert.equal(facts['pointer'], pointer);
    assert.match(String(facts['expected']), expected);
    assert.equal(facts['op_index'], /^\/ops\/(\d)/.exec(pointer)?.[1] === undefined ? undefined : Number(/\d/.exec(pointer)?.[0]));
  });
}

test('a batch of too many operations is refused with the limit, and a value that is too long with its operation', () => {
  const many = `{"ops":[${Array.from({ length: 4 }, () => '{"op":"delete","key":"a"}').join()}]}`;
  assert.deepEqual([refusalOf(many).code, refusalOf(many).facts], ['too_many_ops', { limit: 3, actual: 4 }]);
  const long = '{"ops":[{"op":"delete","key":"a"},{"op":"set","key":"b","value":"xxxxxxxxxxxxxxxxxxxé"}]}';
  assert.deepEqual([refusalOf(long).code, refusalOf(long).facts], ['body_too_large', { limit: 20, actual: 23, op_index: 1 }]);
});

test('too many operations are refused as that, whatever else is wrong with one of them', () => {
  const many = `{"ops":[{"op":"set"},1,${Array.from({ length: 4 }, () => '{"op":"delete","key":"a"}').join()}]}`;
  assert.deepEqual([refusalOf(many).code, refusalOf(many).facts], ['too_many_ops', { limit: 3, actual: 6 }]);
});

test('an operation of a million members is refused by the first that is unknown, without decoding the names of the others', () => {
  // Decoded one by one, they held up every other request for a second.
  const parse = JSON.parse;
  let decoded = 0;
  JSON.parse = (...given: Parameters<typeof parse>): unknown => {
    decoded += 1;
    return parse(...given) as unknown;
  };
  try {
    const members = Array.from({ length: 100_000 }, () => '"\\n":0').join();
    assert.equal(refusalOf(`{"ops":[{"op":"set","key":"a","value":1,${members}}]}`).facts['expected'], 'no such member in a set');
  } finally {
    JSON.parse = parse;
  }
  assert.ok(decoded < 10, `${decoded} names were decoded`);
});

test('no answer is longer than what is known of it beforehand, whatever characters its keys have, and however they are spelled', () => {
  const escaped = (key: string): string => (
    `"${[...Array(key.length).keys()].map((at) => `\\u${key.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
  );
  const anyKey = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((one) => !/\p{Cc}/u.test(one));
  const key = fc.oneof(anyKey, fc.constantFrom('"\\"', 'plain', 'é€\u2028'));
  const operation = fc.record({ key, isEscaped: fc.boolean(), op: fc.constantFrom('set', 'delete', 'check') });
  const ops = fc.array(operation, { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(ops, (given) => {
    const members = { set: ',"value":1', delete: '', check: ',"if_seq":1' };
    const texts = given.map(({ key: one, isEscaped, op }) => (
      `{"op":"${op}","key":${isEscaped ? escaped(one) : JSON.stringify(one)}${members[op as 'set']}}`
    ));
    const text = `{"ops":[${texts.join()}]}`;
    const steps = readBatch(text, { opsMax: 100, keyBytesMax: 1024, valueBytesMax: 100 });
    const resultOf = { set: { created: false }, delete: { existed: false }, check: { seq: Number.MAX_SAFE_INTEGER } };
    const results = steps.map(({ op, key: one }) => ({ key: one, ...resultOf[op as 'set'] }));
    const answer = JSON.stringify({ seq: Number.MAX_SAFE_INTEGER, hash: 'a'.repeat(64), durable: false, results });
    assert.ok(answer.length <= answerCharactersMax(text, steps), text);
  }));
});

test('what a client names is quoted in part only', () => {
  const { message } = refusalOf(`{"ops":[{"op":"set","key":"a","value":1,"${'x'.repeat(10_000)}":1}]}`);
  assert.ok(message.length < 200, message);
});

test.run();
