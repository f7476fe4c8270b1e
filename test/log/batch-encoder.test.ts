import { LINE_BYTES_MAX } from '../../src/log/log.js';
import assert from 'node:assert/strict';
import { encodeBatch } from '../../src/log/batch-encoder.js';
import { genesisHash } from '../../src/log/line-format.js';
import { suite } from '../suite.js';
import { draft, drafts, hashByHand, hashIn, LOG_ID, PROJECT } from './file/log-fixture.js';

const test = suite('encodeBatch');
const TIME_MS = 1_795_341_600_000;
const AFTER = { seq: 0, hash: genesisHash(PROJECT, LOG_ID), durable: 0 };

test('a batch is its lines one after another, each chained to the one before', () => {
  const batch = encodeBatch(drafts(1, 3), AFTER, TIME_MS);
  const texts = batch.text.split('\n');
  assert.equal(texts.pop(), '');
  let previous = AFTER.hash;
  for (const [index, text] of texts.entries()) {
    assert.equal(hashIn(text), hashByHand(text, previous));
    assert.equal(batch.lines[index]?.hash, hashIn(text));
    previous = hashIn(text);
  }
  assert.deepEqual(batch.end, { seq: 3, hash: previous });
});

test('no two lines share a salt', () => {
  const { text } = encodeBatch(drafts(1, 1000), AFTER, TIME_MS);
  const salts = [...text.matchAll(/"salt":"([\w-]{22})"/g)].map((match) => match[1]);
  assert.equal(new Set(salts).size, 1000);
});

test('the longest line is accepted and one more byte is refused, counted in bytes and not in characters', () => {
  const overhead = Buffer.byteLength(encodeBatch([draft(1, '""')], AFTER, TIME_MS).text);
  const fits = LINE_BYTES_MAX - overhead;
  assert.equal(Buffer.byteLength(encodeBatch([draft(1, `"${'x'.repeat(fits)}"`)], AFTER, TIME_MS).text), LINE_BYTES_MAX);
  assert.throws(() => encodeBatch(
    [draft(1, `"${'x'.repeat(fits + 1)}"`)], AFTER, TIME_MS,
  ), { code: 'line_too_large', facts: { limit: LINE_BYTES_MAX, actual: LINE_BYTES_MAX + 1 } });
  const long = draft(1, `"${'€'.repeat(Math.ceil((fits + 1) / 3))}"`);
  assert.throws(() => encodeBatch([long], AFTER, TIME_MS), { code: 'line_too_large' });
});

test.run();
