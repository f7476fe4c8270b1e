import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { checkAnswer, type CheckedAnswer, UndocumentedAnswer } from './check-answer.js';

const test = suite('check-answer');

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8', 'x-request-id': 'r1' };
const LIVE: CheckedAnswer = { status: 200, headers: JSON_HEADERS, text: '{"status":"live"}' };
const KEY = '/api/v1/projects/p/keys/a/b';

function problem(status: number, code: string, title: string, facts: object = {}): CheckedAnswer {
  const document = { type: `urn:simplekv:problem:${code}`, title, status, detail: 'x', code, request_id: 'r1', ...facts };
  return { status, headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r1' }, text: JSON.stringify(document) };
}

test('documented answers pass', () => {
  checkAnswer('GET', '/livez', LIVE);
  checkAnswer('HEAD', 'http://host/livez', { ...LIVE, text: '' });
  checkAnswer('OPTIONS', '/livez', { status: 204, headers: { 'allow': 'GET', 'x-request-id': 'r1' }, text: '' });
  checkAnswer('GET', `${KEY}?x=1`, problem(400, 'invalid_query', 'Invalid query', { parameter: 'x' }));
  checkAnswer('GET', '/nowhere', problem(404, 'not_found', 'Not found'));
  checkAnswer('GET', KEY, problem(404, 'key_not_found', 'Key not found'));
});

const undocumented: readonly [string, string, string, CheckedAnswer][] = [
  ['another status', 'GET', '/livez', { ...LIVE, status: 202 }],
  ['an unknown member', 'GET', '/livez', { ...LIVE, text: '{"status":"live","x":1}' }],
  ['a missing member', 'GET', '/livez', { ...LIVE, text: '{}' }],
  ['another media type', 'GET', '/livez', { ...LIVE, headers: { ...JSON_HEADERS, 'content-type': 'text/plain' } }],
  ['an unknown header', 'GET', '/livez', { ...LIVE, headers: { ...JSON_HEADERS, 'x-powered-by': 'koa' } }],
  ['a missing header', 'GET', '/livez', { ...LIVE, headers: { 'content-type': JSON_HEADERS['content-type'] } }],
  ['a body of HEAD', 'HEAD', '/livez', LIVE],
  ['an answer without a route', 'GET', '/nowhere', LIVE],
  ['a code of another route', 'GET', KEY, problem(404, 'not_found', 'Not found')],
  ['a code with another status', 'GET', KEY, problem(400, 'key_not_found', 'Key not found')],
  ['a fact of another code', 'GET', KEY, problem(404, 'key_not_found', 'Key not found', { limit: 1 })],
  ['an unknown method without Allow', 'PATCH', '/livez', problem(405, 'method_not_allowed', 'Method not allowed')],
];

for (const [what, method, target, answer] of undocumented) {
  test(`${what} is found`, () => {
    assert.throws(() => checkAnswer(method, target, answer), UndocumentedAnswer);
  });
}

test.run();
