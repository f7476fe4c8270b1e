import assert from 'node:assert/strict';
import { SAMPLED_DURABILITIES } from '../proofs/proof.js';
import { seedOfRun } from '../seed-of-run.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { runRetryLoop } from './retry-loop.js';
import { withWorkbench } from './server-under-test.js';

const test = suite('exactly-once');

const KILLS = inForm({ short: 3, long: 10 });
const RETRIES = inForm({ short: 100, long: 3000 });
/** Each kill costs a start, and starts are slow on a busy machine. */
const TIMEOUT_MS = 150_000;

for (const durability of SAMPLED_DURABILITIES) {
  test(
    `${durability}: a write with an idempotency key takes effect once, however often it is sent before and after kill -9`,
    () =>
      withWorkbench(async (bench) => {
        const report = await runRetryLoop(bench, {
          durability, kills: KILLS, retries: RETRIES, projects: 2, pairs: 6, seed: seedOfRun(), lifeMsMax: 900,
        });
        console.log(JSON.stringify(report));
        const { requests, retries, retriesAfterKill } = report;
        assert.ok(requests > 10 && retries >= RETRIES && retriesAfterKill > 0, JSON.stringify(report));
      }),
    { timeoutMs: TIMEOUT_MS },
  );
}

test.run();
