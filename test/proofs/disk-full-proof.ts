/** The proof that a full disk loses nothing and that writes go on by themselves when there is room. */
import { mountSmall, runDiskFullCycles } from './faults/disk-full-cycles.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const CYCLES = 20;
const SHORT_CYCLES = 1;
const SEGMENT_SIZES: readonly number[] = [4096, 67_108_864];

const PROJECTS = 4;

/** Others fill a file system of 2 MiB to the last byte and make room again. Takes no seed. */
export const diskFullProof: Proof = {
  name: 'disk-full',
  counts: ['times full', 'events'],
  projects: PROJECTS,
  takesDurability: true,
  short: (run) => proveDiskFull(run, SHORT_CYCLES),
  long: (run) => proveDiskFull(run, Math.ceil(CYCLES * run.scale)),
};

async function proveDiskFull(run: ProofRun, cycles: number): Promise<ProofReport> {
  let [full, events] = [0, 0];
  for (const segmentBytes of SEGMENT_SIZES) {
    await withWorkbench(async (bench) => {
      if (!(await mountSmall(bench))) return;
      events += await runDiskFullCycles(bench, { segmentBytes, cycles, durability: run.durability, projects: PROJECTS });
      full += cycles;
      run.say(`${full} times full, ${events} events`);
    });
  }
  return { counts: { 'times full': full, events }, faults: full === 0 ? ['no file system can be mounted here'] : [] };
}
