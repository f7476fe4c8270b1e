/** The proof that what was answered survives `kill -9` at any moment. */
import { type KillLoopOptions, type KillLoopReport, runKillLoop } from '../e2e/kill-loop.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** What one folder goes through. */
type KillPlan = Pick<KillLoopOptions, 'segmentBytes' | 'lifeMsMin' | 'lifeMsMax' | 'paddingMax' | 'storage'> & {
  /** Its part of the writes that have to be acknowledged. */
  readonly share: number;
};

const KILLS = 200;
const ACKNOWLEDGED = 50_000;
const WRITERS = 16;
const PROJECTS = 4;

/**
 * Each has its part of the kills: among few rotations, among many, in one long segment, while snapshots are made, and with values so
 * long that segments are full before the syncs of all projects have had their turn.
 */
const PLANS: readonly KillPlan[] = [
  { share: 1 / 4, segmentBytes: 65_536, lifeMsMax: 600 },
  { share: 1 / 4, segmentBytes: 8192, lifeMsMax: 700 },
  { share: 1 / 4, segmentBytes: 67_108_864, lifeMsMax: 900, storage: { cache_in_memory: false } },
  // A snapshot is begun a second after the start.
  {
    share: 1 / 4, segmentBytes: 32_768, lifeMsMin: 900, lifeMsMax: 2500,
    storage: { cache_in_memory: false, compaction: { interval_seconds: 1 } },
  },
  { share: 0, segmentBytes: 1_048_576, lifeMsMin: 300, lifeMsMax: 900, paddingMax: 120_000, storage: { sync_interval_ms: 5 } },
];

/** Every answer that a client got is compared with the log, after each of the kills. */
export const killsProof: Proof = {
  name: 'kills',
  counts: ['kills', 'acknowledged writes', 'batches', 'writes without an answer', 'reads', 'snapshots'],
  projects: PROJECTS,
  takesDurability: true,
  short: (run) => runPlans(run, { kills: 1, acknowledged: 0 }),
  long: (run) => runPlans(run, { kills: Math.ceil((KILLS * run.scale) / PLANS.length), acknowledged: Math.ceil(ACKNOWLEDGED * run.scale) }),
};

async function runPlans(run: ProofRun, wanted: { readonly kills: number; readonly acknowledged: number }): Promise<ProofReport> {
  const reports: KillLoopReport[] = [];
  for (const [index, { share, ...plan }] of PLANS.entries()) {
    const options = {
      ...plan, kills: wanted.kills, acknowledged: Math.ceil(wanted.acknowledged * share), durability: run.durability, projects: PROJECTS,
      writers: WRITERS, seed: run.seed + index,
    };
    const onKill = (kills: number, acknowledged: number): void => {
      run.say(`folder ${index + 1} of ${PLANS.length}: ${kills} kills, ${acknowledged} acknowledged writes`);
    };
    await withWorkbench(async (bench) => void reports.push(await runKillLoop(bench, { ...options, onKill })));
  }
  const sum = (count: (report: KillLoopReport) => number): number => reports.reduce((total, report) => total + count(report), 0);
  const acknowledged = sum((report) => report.acknowledged);
  const snapshots = sum((report) => report.snapshots);
  return {
    counts: {
      'kills': sum((report) => report.kills),
      'acknowledged writes': acknowledged,
      'batches': sum((report) => report.batches),
      'writes without an answer': sum((report) => report.unknown),
      'reads': sum((report) => report.reads),
      'snapshots': snapshots,
    },
    faults: [
      ...(acknowledged < wanted.acknowledged ? [`only ${acknowledged} of ${wanted.acknowledged} writes were acknowledged`] : []),
      // In a short run the machine may not get so far.
      ...(wanted.acknowledged > 0 && snapshots === 0 ? ['no snapshot was made'] : []),
    ],
  };
}
