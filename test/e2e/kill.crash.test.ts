import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { runKillLoop } from './kill-loop.js';
import { withWorkbench } from './server-under-test.js';

const test = suite('kill');

const KILLS = 10;
/** Each kill costs a start, and starts are slow on a busy machine. */
const TIMEOUT_MS = 150_000;
const SEED_MAX = 1_000_000;
/** Gives a run its seed, to have its choices again. */
const SEED_VARIABLE = 'SIMPLEKV_TEST_SEED';

function seedOf(): number {
  const seed = Number(process.env[SEED_VARIABLE] ?? Math.floor(Math.random() * SEED_MAX));
  console.log(`${SEED_VARIABLE}=${seed}`);
  return seed;
}

test(
  'whatever was answered before kill -9 is there afterwards, with its receipt, and nothing that nobody asked for',
  () =>
    withWorkbench(async (bench) => {
      const seed = seedOf();
      const report = await runKillLoop(bench, { kills: KILLS, writers: 16, seed, segmentBytes: 16_384, lifeMsMax: 900 });
      console.log(JSON.stringify(report));
      // A loop that did next to nothing has shown nothing.
      assert.ok(report.acknowledged > 200 && report.refused > 0 && report.reads > 0 && report.segments > KILLS, JSON.stringify(report));
    }),
  { timeoutMs: TIMEOUT_MS },
);

test(
  'whatever was answered before SIGTERM is there afterwards, and every stop under load ends well',
  () =>
    withWorkbench(async (bench) => {
      const seed = seedOf();
      const report = await runKillLoop(bench, { kills: 3, writers: 16, seed, segmentBytes: 16_384, lifeMsMax: 600, ending: 'SIGTERM' });
      console.log(JSON.stringify(report));
      assert.ok(report.acknowledged > 50, JSON.stringify(report));
      assert.equal(report.tornTails, 0);
    }),
  { timeoutMs: TIMEOUT_MS },
);

test.run();
