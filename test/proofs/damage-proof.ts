/** The proof that no byte of a project can change unreported, and that no changed value is ever served. */
import { sweepDamages } from './faults/damage-sweep.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const SHORT_STRIDE = 101;
/** Odd, so that every bit of a byte has its turn. */
const LONG_STRIDE = 7;
const SAY_EVERY = 2000;

/** Every cut, every flipped bit, and more, of every file; values in memory and on disk in turn. */
export const damageProof: Proof = {
  name: 'damage',
  counts: ['cuts', 'flipped bits', 'replaced bytes', 'zeroed sectors', 'lines', 'files', 'refusals', 'found by the scrub'],
  projects: 1,
  takesDurability: false,
  short: (run) => proveDamage(run, SHORT_STRIDE),
  long: (run) => proveDamage(run, Math.max(1, Math.round(LONG_STRIDE / run.scale))),
};

async function proveDamage(run: ProofRun, stride: number): Promise<ProofReport> {
  let done = 0;
  const { counts, refusals, scrubbed, faults } = await sweepDamages({
    stride,
    seed: run.seed,
    onDamage: (report) => {
      done += 1;
      if (done % SAY_EVERY === 0) run.say(`${done} damages, ${report.refusals} refusals, ${report.faults.length} faults`);
    },
  });
  return {
    counts: {
      'cuts': counts.cuts,
      'flipped bits': counts.flips,
      'replaced bytes': counts.bytes,
      'zeroed sectors': counts.sectors,
      'lines': counts.lines,
      'files': counts.files,
      refusals,
      'found by the scrub': scrubbed,
    },
    faults,
  };
}
