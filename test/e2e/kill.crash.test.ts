import assert from 'node:assert/strict';
import { SAMPLED_DURABILITIES } from '../proofs/proof.js';
import { suite } from '../suite.js';
import { inForm } from '../test-form.js';
import { runKillLoop } from './kill-loop.js';
import { seedOfRun } from '../seed-of-run.js';
import { withWorkbench } from './server-under-test.js';

const test = suite('kill');

const KILLS = inForm({ short: 2, long: 4 });
const PROJECTS = 4;
/** Each kill costs a start, and starts are slow on a busy machine. */
const TIMEOUT_MS = 150_000;

/** Writes to four projects seldom collide: one short loop may refuse none, all of them together do. */
let refusedOfAll = 0;

for (const durability of SAMPLED_DURABILITIES) {
  test(
    `${durability}: whatever was answered before kill -9 is there afterwards, with its receipt, and nothing that was not asked for`,
    () =>
      withWorkbench(async (bench) => {
        const report = await runKillLoop(bench, {
          durability, projects: PROJECTS, kills: KILLS, acknowledged: 150, writers: 16, seed: seedOfRun(), segmentBytes: 8192,
          lifeMsMax: 900,
        });
        console.log(JSON.stringify(report));
        // A loop that did next to nothing has shown nothing.
        const { acknowledged, refused, reads, segments, batches } = report;
        refusedOfAll += refused;
        assert.ok(acknowledged > 100 && reads > 0 && segments > PROJECTS && batches > PROJECTS, JSON.stringify(report));
      }),
    { timeoutMs: TIMEOUT_MS },
  );

  test(
    `${durability}: whatever was answered before SIGTERM is there afterwards, and every stop under load ends well`,
    () =>
      withWorkbench(async (bench) => {
        const report = await runKillLoop(bench, {
          durability, projects: PROJECTS, kills: 1, acknowledged: 30, writers: 16, seed: seedOfRun(), segmentBytes: 16_384, lifeMsMax: 600,
          ending: 'SIGTERM',
        });
        console.log(JSON.stringify(report));
        assert.ok(report.acknowledged > 20, JSON.stringify(report));
        assert.equal(report.tornTails, 0);
      }),
    { timeoutMs: TIMEOUT_MS },
  );
}

test('conditions were among what was tried, and some did not hold', () => assert.ok(refusedOfAll > 0));

test.run();
