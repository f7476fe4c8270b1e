/** The proof that a loss of power takes nothing that was said to be durable, whichever part it takes of what was not synced. */
import { PROJECT_COUNT } from './faults/life-script.js';
import { sweepPowerLosses } from './faults/sweeps.js';
import { followSweep } from './follow-sweep.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const LIVES = 850;
const STATES_PER_LIFE = 12;
const SHORT_LIVES = 10;
const SHORT_STATES_PER_LIFE = 5;
const SAY_EVERY = 50;

/** What is left is drawn by chance from the seed: pieces of files, their sizes, names. */
export const powerLossProof: Proof = {
  name: 'power-loss',
  counts: ['losses', 'states'],
  projects: PROJECT_COUNT,
  takesDurability: true,
  short: (run) => provePowerLoss(run, SHORT_LIVES, SHORT_STATES_PER_LIFE),
  long: (run) => provePowerLoss(run, Math.ceil(LIVES * run.scale), STATES_PER_LIFE),
};

async function provePowerLoss(run: ProofRun, lives: number, statesPerLife: number): Promise<ProofReport> {
  const { runs, states, faults } = await sweepPowerLosses({
    durability: run.durability,
    runs: lives,
    seed: run.seed,
    onRun: followSweep(run, { what: `${lives} losses`, every: SAY_EVERY }),
  }, statesPerLife);
  return { counts: { losses: runs, states }, faults };
}
