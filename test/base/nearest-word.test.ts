import assert from 'node:assert/strict';
import { nearestWord } from '../../src/base/nearest-word.js';
import { suite } from '../suite.js';

const test = suite('nearest-word');

test('the nearest word has the fewest insertions, deletions and replacements', () => {
  const words = ['SERVER_PORT', 'SERVER_HOST', 'LOG_LEVEL'];
  const meant = { SERVER_PRT: 'SERVER_PORT', SERVER_PORTS: 'SERVER_PORT', SERVER_HAST: 'SERVER_HOST', LEVEL: 'LOG_LEVEL' };
  for (const [given, word] of Object.entries(meant)) assert.equal(nearestWord(given, words), word);
});

test('the first of several words at one distance is taken, and there is none without words', () => {
  assert.equal(nearestWord('ab', ['ax', 'xb']), 'ax');
  assert.equal(nearestWord('', ['long', 'a']), 'a');
  assert.equal(nearestWord('a', []), undefined);
});

test.run();
