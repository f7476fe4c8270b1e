/** Reports the progress of a sweep. */
import type { SweepReport } from './faults/sweeps.js';
import type { ProofRun } from './proof.js';

/** What is reported of a sweep. */
export interface FollowedSweep {
  /** What its runs are, with their number: `5458 faults`. */
  readonly what: string;
  /** Runs between two reports. */
  readonly every: number;
}

/**
 * Follows a sweep. Reports a fault as soon as it is found, since the sweep may take an hour.
 *
 * @param run Takes the reports
 * @param sweep What is reported
 * @returns what the sweep calls after each run
 */
export function followSweep(run: ProofRun, { what, every }: FollowedSweep): (report: SweepReport) => void {
  let told = 0;
  return ({ runs, states, faults }) => {
    for (; told < faults.length; told += 1) run.say(`fault: ${faults[told]}`);
    if (runs % every === 0) run.say(`${runs} of ${what}, ${states} starts, ${faults.length} faults`);
  };
}
