import assert from 'node:assert/strict';
import { REDACTED, redactFields } from '../../src/base/redact.js';
import { suite } from '../suite.js';

const test = suite('redact');

function nested(depth: number, inner: object): object {
  let value = inner;
  for (let level = 1; level < depth; level += 1) value = { inside: value };
  return value;
}

test('fields without API keys are copied unchanged', () => {
  const fields = { a: 1, b: 'x', c: null, d: undefined, e: [1, { f: true }], g: { h: [[]] }, key: 'user/1', key_id: '0123456789abcdef' };
  assert.deepEqual(redactFields(fields), fields);
});

test('an API key is redacted by field name at every depth, in objects and arrays, ignoring case', () => {
  const fields = {
    api_key: 'S', headers: { 'X-Api-Key': 'S', Authorization: 'Bearer S' },
    projects: [{ authentication: { api_key_hash: 'S', apiKey: 'S' } }],
  };
  assert.deepEqual(redactFields(fields), {
    api_key: REDACTED,
    headers: { 'X-Api-Key': REDACTED, Authorization: REDACTED },
    projects: [{ authentication: { api_key_hash: REDACTED, apiKey: REDACTED } }],
  });
  assert.equal(fields.api_key, 'S');
});

test('an array or object under such a name is redacted as a whole', () => {
  assert.deepEqual(redactFields({ authorization: ['S'], api_key: { value: 'S' } }), { authorization: REDACTED, api_key: REDACTED });
});

test('an absent key stays visible as absent', () => {
  assert.deepEqual(redactFields({ api_key: null, authorization: undefined }), { api_key: null, authorization: undefined });
});

test('an error under "err" is passed on; anywhere else its members are redacted', () => {
  const error = Object.assign(new Error('no'), { facts: { api_key: 'S' } });
  assert.equal(redactFields({ err: error })['err'], error);
  assert.deepEqual(redactFields({ error }), { error: { facts: { api_key: REDACTED } } });
});

test('an object with its own JSON form is passed on', () => {
  const date = new Date(0);
  const bytes = Buffer.from('a');
  const copy = redactFields({ date, bytes });
  assert.equal(copy['date'], date);
  assert.equal(copy['bytes'], bytes);
});

test('values nested too deep are omitted, and a cycle ends', () => {
  assert.match(JSON.stringify(redactFields(nested(8, { a: 1 }))), /"a":1/);
  assert.doesNotMatch(JSON.stringify(redactFields(nested(9, { api_key: 'S' }))), /S/);
  const cycle: Record<string, unknown> = { api_key: 'S' };
  cycle['again'] = cycle;
  assert.match(JSON.stringify(redactFields(cycle)), /"\[left out\]"/);
});

test.run();
