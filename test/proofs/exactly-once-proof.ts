/** The proof that a write with an idempotency key takes effect once, however often it is sent, and whatever kills come in between. */
import { type RetryReport, runRetryLoop } from '../e2e/retry-loop.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const KILLS = 150;
const RETRIES = 100_000;
const PROJECTS = 4;
const PAIRS = 8;
const LIFE_MS_MAX = 2500;

/** Every answer is compared with the first one, and after each kill every request with the lines of the log. */
export const exactlyOnceProof: Proof = {
  name: 'exactly-once',
  counts: ['kills', 'requests', 'retries', 'retries after a kill', 'requests without an answer', 'settled by a retry'],
  projects: PROJECTS,
  takesDurability: true,
  short: (run) => prove(run, { kills: 4, retries: 500 }),
  long: (run) => prove(run, { kills: Math.ceil(KILLS * run.scale), retries: Math.ceil(RETRIES * run.scale) }),
};

async function prove(
  { durability, say, seed }: ProofRun, wanted: { readonly kills: number; readonly retries: number },
): Promise<ProofReport> {
  const onKill = ({ kills, retries }: RetryReport): void => say(`${kills} kills, ${retries} retries`);
  const options = { ...wanted, durability, seed, projects: PROJECTS, pairs: PAIRS, lifeMsMax: LIFE_MS_MAX, onKill };
  let report: RetryReport | undefined;
  await withWorkbench(async (bench) => {
    report = await runRetryLoop(bench, options);
  });
  if (report === undefined) throw new Error('The loop has a report');
  const { kills, requests, retries, retriesAfterKill, unanswered, settled } = report;
  return {
    counts: {
      'kills': kills, 'requests': requests, 'retries': retries, 'retries after a kill': retriesAfterKill,
      'requests without an answer': unanswered, 'settled by a retry': settled,
    },
    faults: retries < wanted.retries ? [`only ${retries} of ${wanted.retries} requests were sent again`] : [],
  };
}
