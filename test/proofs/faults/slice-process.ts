/** The process that sweeps one slice, sends its report, and ends with all that is left of the lives in it. */
import type { SweepSlice } from './sliced-sweep.js';
import { sweepFaults, sweepRecoveries } from './sweeps.js';

process.once('message', (message) => {
  const slice = message as SweepSlice;
  const sweeping = slice.kind === 'faults' ? sweepFaults(slice) : sweepRecoveries(slice);
  sweeping.then((report) => process.send?.(report, () => process.exit(0)), (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? String(error.stack) : String(error)}\n`);
    process.exit(1);
  });
});
