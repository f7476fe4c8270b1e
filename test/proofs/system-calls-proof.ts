/** The proof that holds of the real program what holds in memory: one of its system calls is struck in each of its lives. */
import pLimit from 'p-limit';
import { withWorkbench } from '../e2e/server-under-test.js';
import { type BinaryPlan, planStrikes, runStrike } from './faults/binary-sweep.js';
import { evenly } from './faults/sweeps.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** About half an hour of them; `--scale 5` takes all. */
const STRIKES = 600;
const SHORT_STRIKES = 4;
const PROJECTS = 4;
const AT_ONCE = 2;
const SAY_EVERY = 20;

/** Killed before, after and in the middle of calls, and calls that fail once or for ever. */
export const systemCallsProof: Proof = {
  name: 'system-calls',
  counts: ['kills', 'failing calls'],
  projects: PROJECTS,
  takesDurability: true,
  short: (run) => proveSystemCalls(run, SHORT_STRIKES),
  long: (run) => proveSystemCalls(run, Math.ceil(STRIKES * run.scale)),
};

async function proveSystemCalls(run: ProofRun, wanted: number): Promise<ProofReport> {
  let report: ProofReport = { counts: { 'kills': 0, 'failing calls': 0 }, faults: ['there is no compiler to build the library with'] };
  await withWorkbench(async (cut) => {
    const plan = await planStrikes(cut, run.durability);
    if (plan !== undefined) report = await strikeAll(run, plan, wanted);
  });
  return report;
}

async function strikeAll(run: ProofRun, plan: BinaryPlan, wanted: number): Promise<ProofReport> {
  const faults: string[] = [];
  const strikes = evenly(plan.strikes, { runs: wanted, seed: run.seed });
  const limit = pLimit(AT_ONCE);
  let done = 0;
  await Promise.all(strikes.map((strike) => limit(async () => {
    const found = await runStrike(plan, strike);
    for (const fault of found) run.say(`fault: ${fault}`);
    faults.push(...found);
    done += 1;
    if (done % SAY_EVERY === 0) run.say(`${done} of ${strikes.length} strikes, ${faults.length} faults`);
  })));
  const kills = strikes.filter(({ kind }) => kind.startsWith('kill') || kind.startsWith('torn')).length;
  return { counts: { 'kills': kills, 'failing calls': strikes.length - kills }, faults };
}
