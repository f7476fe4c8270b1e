/** The short form of the proof `fuzz-http`. */
import assert from 'node:assert/strict';
import { SEEN_VARIABLE } from '../api/seen-variable.js';
import { fuzzHttpProof } from '../proofs/fuzz-http-proof.js';
import { seedOfRun } from '../seed-of-run.js';
import { suite } from '../suite.js';

const test = suite('fuzz-http.e2e');

const TIMEOUT_MS = 120_000;

// What it sees depends on the seed, and the list of unseen answers must not.
process.env[SEEN_VARIABLE] = '';

test('whatever a client sends, the answer is one that the document describes', async () => {
  const { counts, faults } = await fuzzHttpProof.short({ seed: seedOfRun(), scale: 1, durability: 'fsync', say: () => undefined });
  assert.deepEqual(faults, []);
  assert.equal(counts['requests'], 500);
}, { timeoutMs: TIMEOUT_MS });

test.run();
