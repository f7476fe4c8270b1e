import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { documentedPairs } from './check-answer.js';
import { NEVER_SEEN } from './never-seen.js';
import { pairFaults } from './seen-answers.js';

const test = suite('seen-answers');

test('an answer that was not seen has to be on the list, and no other', () => {
  const documented = ['getKey 200', 'getKey 404'];
  assert.deepEqual(pairFaults(documented, new Set(documented), []), { unseen: [], listed: [] });
  assert.deepEqual(pairFaults(documented, new Set(['getKey 200']), ['getKey 404']), { unseen: [], listed: [] });
  const missing = ['no test has seen the documented answer getKey 404'];
  assert.deepEqual(pairFaults(documented, new Set(['getKey 200']), []), { unseen: missing, listed: [] });
  for (const pair of ['getKey 404', 'getKey 999']) {
    const { unseen, listed } = pairFaults(documented, new Set(documented), [pair]);
    assert.deepEqual([unseen, listed], [[], [`${pair} in never-seen.ts is seen, or not documented: remove it`]]);
  }
});

test('the list names documented answers, each once', () => {
  const listed = NEVER_SEEN.flatMap(({ routes, status }) => routes.map((route) => `${route} ${status}`));
  assert.equal(new Set(listed).size, listed.length);
  assert.deepEqual(listed.filter((pair) => !documentedPairs().includes(pair)), []);
});

test.run();
