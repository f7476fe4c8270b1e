/** The proof that no call of the disk can fail, be cut short or be the last one in a way that loses or makes up anything. */
import { allFaults } from './faults/fault-sweep.js';
import { PROJECT_COUNT } from './faults/life-script.js';
import { sweepInSlices } from './faults/sliced-sweep.js';
import { followSweep } from './follow-sweep.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const SHORT_LIVES = 20;
const SHORT_RECOVERED_LIVES = 3;
/** Lives that are killed and whose next start is killed at each of its calls. */
const RECOVERED_LIVES = 120;
const KILLS_PER_RECOVERY_MAX = 1000;
const SHORT_KILLS_PER_RECOVERY = 4;
/** One process for all of them would run out of memory. */
const LIVES_PER_PROCESS = 100;
const RECOVERED_LIVES_PER_PROCESS = 1;

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
  const first = await sweepInSlices({ kind: 'faults', durability, runs: lives, seed }, {
    runsPerProcess: LIVES_PER_PROCESS, onSlice: followSweep(run, { what: `${lives} faults`, every: 1 }),
  });
  const second = await sweepInSlices({ kind: 'recoveries', durability, runs: recovered, seed, killsPerRecovery }, {
    runsPerProcess: RECOVERED_LIVES_PER_PROCESS, onSlice: followSweep(run, { what: `${recovered} lives whose start is killed`, every: 1 }),
  });
  return {
    counts: { 'faults': first.runs, 'starts on what was left': first.states, 'starts killed as well': second.states },
    faults: [...first.faults, ...second.faults],
  };
}
