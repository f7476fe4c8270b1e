/** The proof that no call of the disk can fail, be cut short or be the last one in a way that loses or makes up anything. */
import { allFaults } from './faults/fault-sweep.js';
import { PROJECT_COUNT } from './faults/life-script.js';
import { sweepFaults, sweepRecoveries } from './faults/sweeps.js';
import { followSweep } from './follow-sweep.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const SHORT_LIVES = 20;
const SHORT_RECOVERED_LIVES = 3;
/** Lives that are killed and whose next start is killed at each of its calls. */
const RECOVERED_LIVES = 120;
const KILLS_PER_RECOVERY_MAX = 1000;
const SHORT_KILLS_PER_RECOVERY = 4;
const SAY_EVERY = 100;

/** Each fault of each call is met by a life of its own, and judged after each loss that a crash may mean. */
export const faultsProof: Proof = {
  name: 'faults',
  counts: ['faults', 'starts on what was left', 'starts killed as well'],
  projects: PROJECT_COUNT,
  takesDurability: true,
  short: (run) => proveFaults(run, { lives: SHORT_LIVES, recovered: SHORT_RECOVERED_LIVES, killsPerRecovery: SHORT_KILLS_PER_RECOVERY }),
  long: async (run) => proveFaults(run, {
    lives: Math.ceil((await allFaults(run.durability)).length * Math.min(1, run.scale)),
    recovered: Math.ceil(RECOVERED_LIVES * run.scale),
    killsPerRecovery: KILLS_PER_RECOVERY_MAX,
  }),
};

interface FaultsSize {
  readonly lives: number;
  readonly recovered: number;
  readonly killsPerRecovery: number;
}

async function proveFaults(run: ProofRun, { lives, recovered, killsPerRecovery }: FaultsSize): Promise<ProofReport> {
  const { seed, durability } = run;
  const followed = followSweep(run, { what: `${lives} faults`, every: SAY_EVERY });
  const first = await sweepFaults({ durability, runs: lives, seed, onRun: followed });
  const onRun = followSweep(run, { what: `${recovered} lives whose start is killed`, every: SAY_EVERY });
  const second = await sweepRecoveries({ durability, runs: recovered, seed, killsPerRecovery, onRun });
  return {
    counts: { 'faults': first.runs, 'starts on what was left': first.states, 'starts killed as well': second.states },
    faults: [...first.faults, ...second.faults],
  };
}
