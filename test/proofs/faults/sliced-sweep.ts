/**
 * Runs a sweep in slices, each in a process of its own, two at a time. A life that was killed is never closed: its timers go on and keep
 * all of it in memory, so that a process cannot hold the lives of a whole sweep.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import type { SweepReport, SweepSize } from './sweeps.js';

const PROCESS = fileURLToPath(new URL('./slice-process.js', import.meta.url));
const PROCESSES = 2;

/** What is swept: the faults of all calls of a life, or the calls of the start after a life that was killed. */
export type SlicedSweep = Omit<SweepSize, 'onRun' | 'slice'> & (
  { readonly kind: 'faults' } | { readonly kind: 'recoveries'; readonly killsPerRecovery: number }
);

/** What a process sweeps. */
export type SweepSlice = SlicedSweep & Required<Pick<SweepSize, 'slice'>>;

/** How a sweep is divided and followed. */
export interface Slicing {
  /** About how many runs a process makes. */
  readonly runsPerProcess: number;
  /** Told of all that was swept so far, after each slice. */
  readonly onSlice: (report: SweepReport) => void;
}

/**
 * Runs all slices.
 *
 * @throws {Error} when a process ends without a report
 */
export async function sweepInSlices(sweep: SlicedSweep, { runsPerProcess, onSlice }: Slicing): Promise<SweepReport> {
  const report: SweepReport = { runs: 0, states: 0, faults: [] };
  const inTurn = pLimit(PROCESSES);
  const count = Math.max(1, Math.ceil(sweep.runs / runsPerProcess));
  await Promise.all(Array.from({ length: count }, (_, index) => inTurn(async () => {
    const { runs, states, faults } = await runSlice({ ...sweep, slice: { index, count } });
    report.runs += runs;
    report.states += states;
    report.faults.push(...faults);
    onSlice(report);
  })));
  return report;
}

async function runSlice(slice: SweepSlice): Promise<SweepReport> {
  const child = fork(PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let report: SweepReport | undefined;
  child.on('message', (message) => void (report = message as SweepReport));
  child.send(slice);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (report === undefined) throw new Error(`Slice ${slice.slice.index} of ${slice.slice.count} ended without a report: ${code ?? signal}`);
  return report;
}
