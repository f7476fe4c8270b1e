/** Tells somebody who waits for a sweep what it comes to. */
import type { SweepReport } from './faults/sweeps.js';
import type { ProofRun } from './proof.js';

/** What is told of a sweep. */
export interface FollowedSweep {
  /** What its runs are, with their number: `5458 faults`. */
  readonly what: string;
  /** After how many runs it is told how far it is. */
  readonly every: number;
}

/**
 * Follows a sweep: a fault is told as soon as it is found, since the sweep may go on for an hour.
 *
 * @param run who is told
 * @param sweep what is told
 * @returns what the sweep calls after each run
 */
export function followSweep(run: ProofRun, { what, every }: FollowedSweep): (report: SweepReport) => void {
  let told = 0;
  return ({ runs, states, faults }) => {
    for (; told < faults.length; told += 1) run.say(`fault: ${faults[told]}`);
    if (runs % every === 0) run.say(`${runs} of ${what}, ${states} starts, ${faults.length} faults`);
  };
}
