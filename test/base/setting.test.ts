import assert from 'node:assert/strict';
import { compileSchema } from '../../src/base/json-schema.js';
import {
  choice, defaultsOf, flag, integer, integerOrNull, isSetting, mergeValues, schemaOf, setting, type ValuesOf,
} from '../../src/base/setting.js';
import { fc } from '../properties.js';
import { suite } from '../suite.js';
import { arbitraryChange, arbitraryValues } from './arbitrary-values.js';

const test = suite('setting');

const TABLE = {
  is_on: flag({ default: true, meaning: 'whether it is on' }),
  mode: choice({ default: 'fast', allowed: ['fast', 'safe'], meaning: 'how it works' }),
  limits: {
    max_bytes: integer({ default: 4, unit: 'bytes', min: 1, max: 8, meaning: 'how many' }),
    max_seconds: integerOrNull({ default: null, unit: 'seconds', min: 0, max: 9, meaning: 'how long' }),
  },
};

const LIST = { names: setting<readonly string[]>({ type: 'array', items: { type: 'string' } }, { default: ['a', 'b'], meaning: 'names' }) };

test('the defaults have the shape of the table', () => {
  const defaults: ValuesOf<typeof TABLE> = defaultsOf(TABLE);
  assert.deepEqual(defaults, { is_on: true, mode: 'fast', limits: { max_bytes: 4, max_seconds: null } });
});

test('the schema accepts every value of the table and every change, and nothing else', () => {
  const check = compileSchema(schemaOf(TABLE));
  fc.assert(fc.property(arbitraryValues(TABLE), arbitraryChange(TABLE), (values, change) => {
    assert.ok(check(values).ok);
    assert.ok(check(change).ok);
  }));
  for (const [document, pointer, expected] of [
    [{ is_on: 1 }, '/is_on', 'boolean'],
    [{ mode: 'other' }, '/mode', 'one of ["fast","safe"]'],
    [{ limits: { max_bytes: 9 } }, '/limits/max_bytes', 'a whole number of bytes from 1 to 8'],
    [{ limits: { max_seconds: -1 } }, '/limits/max_seconds', 'null, or a whole number of seconds from 0 to 9'],
    [{ limits: 1 }, '/limits', 'an object with max_bytes and max_seconds'],
    [{ limits: { other: 1 } }, '/limits/other', 'no such field'],
    [[], '', 'an object with is_on, mode and limits'],
  ] as const) {
    const checked = check(document);
    assert.ok(!checked.ok);
    assert.deepEqual([checked.fault.pointer, checked.fault.expected], [pointer, expected]);
  }
});

test('keywords for all groups are there in each of them', () => {
  const check = compileSchema(schemaOf(TABLE, { minProperties: 1, description: 'an object with something' }));
  for (const document of [{}, { limits: {} }]) {
    const checked = check(document);
    assert.equal(checked.ok ? undefined : checked.fault.expected, 'an object with something');
  }
});

test('a change replaces what it names: a member of a group alone, a list as a whole', () => {
  const values = mergeValues(defaultsOf(TABLE), { limits: { max_seconds: 3 } });
  assert.deepEqual(values, { is_on: true, mode: 'fast', limits: { max_bytes: 4, max_seconds: 3 } });
  assert.deepEqual(mergeValues(defaultsOf(LIST), { names: [] }), { names: [] });
});

test('a group may be called as a part of a row is', () => {
  assert.equal(isSetting({ default: { on: TABLE.is_on }, meaning: { on: TABLE.is_on } }), false);
});

test.run();
