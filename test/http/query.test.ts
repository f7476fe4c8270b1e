import assert from 'node:assert/strict';
import { generateApiKey } from '../../src/auth/api-key.js';
import { AppError } from '../../src/base/app-error.js';
import { compileSchema } from '../../src/base/json-schema.js';
import { checkQuery, parseQuery, type QueryCheck, type QueryParameters, refuseQuery } from '../../src/http/query.js';
import { suite } from '../suite.js';

const test = suite('query');

const check: QueryCheck = {
  check: compileSchema<QueryParameters>({
    type: 'object',
    properties: { a: { type: 'string' }, b: { enum: ['true'], description: '"true"' }, bare: { const: '' } },
    additionalProperties: false,
  }),
  hasRequired: false, valueless: new Set(['bare']),
};

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'none';
}

test('parseQuery() decodes names and values once; a plus is a space', () => {
  assert.deepEqual(parseQuery('a=1+2&b=%2B%2525&c=x=y&d'), [
    { name: 'a', value: '1 2' },
    { name: 'b', value: '+%25' },
    { name: 'c', value: 'x=y' },
    { name: 'd', value: null },
  ]);
  assert.deepEqual(parseQuery(''), []);
});

test('parseQuery() refuses repeated, nameless and malformed parameters', () => {
  for (const raw of [
    'a=1&a=2',
    'a=1&%61=2',
    'a=1&',
    '&a=1',
    'a=1&&b=1',
    '=1',
    'a=%',
    'a=%zz',
    'a=%ff',
    'a=%C0%80',
    'a=%ED%A0%80',
    '%ff=1',
  ]) {
    assert.equal(
      codeOf(() => parseQuery(raw)),
      'invalid_query',
      raw,
    );
  }
});

test('parseQuery() refuses an API key anywhere in the query and does not echo it', () => {
  const key = generateApiKey('global');
  for (const raw of [
    'api_key=x',
    'API_KEY=x',
    'apikey=x',
    'api-key',
    'access_token=x',
    'token=x',
    'Authorization=Bearer+x',
    `prefix=${key}`,
    `prefix=Bearer+${key}`,
    `${key}=1`,
    `%61pi_key=1`,
  ]) {
    assert.equal(
      codeOf(() => parseQuery(raw)),
      'key_in_url',
      raw,
    );
  }
  assert.throws(
    () => parseQuery(`prefix=${key}`),
    (error: Error) => !error.message.includes(key),
  );
  assert.equal(
    codeOf(() => parseQuery('prefix=skv_')),
    'none',
  );
});

test('checkQuery() returns the parameters of the schema', () => {
  assert.deepEqual({ ...checkQuery(parseQuery('a=x&b=true&bare'), check) }, { a: 'x', b: 'true', bare: '' });
  assert.deepEqual({ ...checkQuery(parseQuery('bare='), check) }, { bare: '' });
});

test('checkQuery() refuses unknown, empty and invalid parameters by name', () => {
  for (const [raw, parameter] of [
    ['c=1', 'c'],
    ['a=', 'a'],
    ['a', 'a'],
    ['b=yes', 'b'],
    ['bare=1', 'bare'],
    ['A=1', 'A'],
    ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'],
  ] as const) {
    assert.throws(
      () => checkQuery(parseQuery(raw), check),
      (error: AppError) => error.code === 'invalid_query' && error.facts['parameter'] === parameter,
      raw,
    );
  }
});

test('checkQuery() truncates a long name', () => {
  assert.throws(
    () => checkQuery(parseQuery(`${'x'.repeat(5000)}=1`), check),
    (error: AppError) => error.message.length < 200,
  );
});

test('refuseQuery() refuses any parameter', () => {
  refuseQuery([]);
  assert.equal(
    codeOf(() => refuseQuery(parseQuery('a=1'))),
    'invalid_query',
  );
});

test.run();
