/** Proves what `npm test` samples: the test files that have a long form pass in it, with every crash point, byte and call. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeFile } from '../file-verdict.js';
import { FORM_VARIABLE } from '../test-form.js';
import { runTestFile } from '../test-process.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** The compiled tests. */
const TESTS = fileURLToPath(new URL('../', import.meta.url));
/** A test file that imports one of these takes samples itself, or has a fixture take them. */
const SAMPLES = /(?:test-form|properties|crash-scenario|lives-killer)\.js'/;
const FILE_TIMEOUT_MS = 60 * 60_000;
/** A fast one, to show that the proof works. */
const SHORT_FILES: readonly string[] = ['log/file/kill-points.crash.test.js'];

/** Takes no seed but that of the properties: each sweep takes all of its cases. */
export const sweepsProof: Proof = {
  name: 'sweeps',
  counts: ['files', 'tests'],
  projects: 1,
  takesDurability: false,
  short: (run) => proveSweeps(run, SHORT_FILES),
  long: (run) => proveSweeps(run, filesWithLongForm()),
};

/**
 * Lists the test files that have a long form.
 *
 * @returns Paths below the folder of the compiled tests
 */
export function filesWithLongForm(): readonly string[] {
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.js'));
  return files.filter((file) => SAMPLES.test(readFileSync(path.join(TESTS, file), 'utf8'))).sort();
}

async function proveSweeps(run: ProofRun, files: readonly string[]): Promise<ProofReport> {
  let [done, tests] = [0, 0];
  const faults: string[] = [];
  for (const file of files) {
    const env = { [FORM_VARIABLE]: 'long', TEST_SEED: String(run.seed) };
    const result = await runTestFile(path.join(TESTS, file), { timeoutMs: FILE_TIMEOUT_MS, signal: new AbortController().signal, env });
    const verdict = judgeFile(result);
    faults.push(...verdict.faults.map((fault) => `${file}: ${fault}\n${result.output}`));
    tests += verdict.passedCount;
    done += 1;
    run.say(`${done} of ${files.length} files, ${tests} tests, ${faults.length} faults`);
  }
  return { counts: { files: { found: done, total: files.length }, tests }, faults };
}
