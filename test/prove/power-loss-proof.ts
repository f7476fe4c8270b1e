/** The proof that a loss of power takes nothing that was acknowledged, whichever part it takes of what was not synced. */
import { sweepPowerLosses } from '../faults/sweeps.js';
import { followSweep } from './follow-sweep.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const LIVES = 850;
const STATES_PER_LIFE = 12;
const SHORT_LIVES = 30;
const SHORT_STATES_PER_LIFE = 5;
const SAY_EVERY = 50;

/** What is left is drawn by chance from the seed: pieces of files, their sizes, names. */
export const powerLossProof: Proof = {
  name: 'power-loss',
  counts: ['losses', 'states'],
  projects: 1,
  takesDurability: false,
  short: (run) => provePowerLoss(run, SHORT_LIVES, SHORT_STATES_PER_LIFE),
  long: (run) => provePowerLoss(run, LIVES, STATES_PER_LIFE * run.scale),
};

async function provePowerLoss(run: ProofRun, lives: number, statesPerLife: number): Promise<ProofReport> {
  const { runs, states, faults } = await sweepPowerLosses({
    runs: lives,
    seed: run.seed,
    onRun: followSweep(run, { what: `${lives} losses`, every: SAY_EVERY }),
  }, statesPerLife);
  return { counts: { losses: runs, states }, faults };
}
