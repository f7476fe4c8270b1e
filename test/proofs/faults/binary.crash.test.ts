/**
 * The real program with one of its system calls struck: a sample, chosen by the seed of the run, under the durability with the most
 * calls that no answer waits for; `npm run prove -- system-calls` takes more of them, and all durabilities.
 */
import assert from 'node:assert/strict';
import { seedOfRun } from '../../seed-of-run.js';
import { withWorkbench } from '../../e2e/server-under-test.js';
import { suite } from '../../suite.js';
import { inForm } from '../../test-form.js';
import { planStrikes, runStrike } from './binary-sweep.js';
import { evenly } from './sweeps.js';

const test = suite('binary');

const STRIKES = inForm({ short: 2, long: 5 });
const TIMEOUT_MS = 240_000;
const CALLS_MIN = 300;

test(
  'whatever system call of the program is struck, all that was answered is there at the next start, and nothing else',
  () =>
    withWorkbench(async (cut) => {
      const plan = await planStrikes(cut, 'interval');
      if (plan === undefined) return;
      assert.ok(plan.strikes.length > CALLS_MIN, `${plan.strikes.length} strikes`);
      assert.deepEqual(new Set(plan.strikes.map(({ phase }) => phase)), new Set(['life', 'recovery']));
      const faults: string[] = [];
      for (const strike of evenly(plan.strikes, { runs: STRIKES, seed: seedOfRun() })) faults.push(...(await runStrike(plan, strike)));
      assert.deepEqual(faults, []);
      // The judge is no judge that finds nothing wrong where something is.
      const [undisturbed] = plan.strikes.filter(({ phase, kind }) => phase === 'recovery' && kind === 'kill before');
      assert.ok(undisturbed !== undefined);
      plan.told.of('p').ledger.note({ kind: 'set', key: 'lost', value: '1' }, { kind: 'acknowledged', seq: 1, hash: '', timeMs: 0 });
      assert.match((await runStrike(plan, undisturbed)).join(), /p: "lost" is absent/);
    }),
  { timeoutMs: TIMEOUT_MS },
);

test.run();
