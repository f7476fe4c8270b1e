/** The proof that what was answered survives `kill -9` at any moment. */
import { runKillLoop, type KillLoopReport } from '../e2e/kill-loop.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** What one folder goes through. */
interface KillPlan {
  readonly segmentBytes: number;
  readonly lifeMsMin?: number;
  readonly lifeMsMax: number;
  readonly storage?: object;
}

const KILLS = 200;
const ACKNOWLEDGED = 50_000;
const WRITERS = 16;
const SHORT_KILLS = 2;

/** Each has its part of the kills: among few rotations, among many, in one long segment, and while snapshots are made. */
const PLANS: readonly KillPlan[] = [
  { segmentBytes: 262_144, lifeMsMax: 600 },
  { segmentBytes: 16_384, lifeMsMax: 700 },
  { segmentBytes: 67_108_864, lifeMsMax: 900, storage: { cache_in_memory: false } },
  // A snapshot is begun a second after the start.
  { segmentBytes: 65_536, lifeMsMin: 900, lifeMsMax: 2500, storage: { cache_in_memory: false, compaction: { interval_seconds: 1 } } },
];

/** Whatever a client was told is compared with the log, after each of the kills. */
export const killsProof: Proof = {
  name: 'kills',
  counts: ['kills', 'acknowledged writes', 'writes without an answer', 'reads', 'snapshots'],
  short: (run) => runPlans(run, { kills: SHORT_KILLS, acknowledged: 0 }),
  long: (run) => runPlans(run, {
    kills: Math.ceil((KILLS * run.scale) / PLANS.length), acknowledged: Math.ceil((ACKNOWLEDGED * run.scale) / PLANS.length),
  }),
};

async function runPlans(run: ProofRun, each: { readonly kills: number; readonly acknowledged: number }): Promise<ProofReport> {
  const reports: KillLoopReport[] = [];
  for (const [index, plan] of PLANS.entries()) {
    const options = { ...plan, ...each, writers: WRITERS, seed: run.seed + index };
    const onKill = (kills: number, acknowledged: number): void => {
      run.say(`folder ${index + 1} of ${PLANS.length}: ${kills} kills, ${acknowledged} acknowledged writes`);
    };
    await withWorkbench(async (bench) => void reports.push(await runKillLoop(bench, { ...options, onKill })));
  }
  const sum = (count: (report: KillLoopReport) => number): number => reports.reduce((total, report) => total + count(report), 0);
  const acknowledged = sum((report) => report.acknowledged);
  const snapshots = sum((report) => report.snapshots);
  const wanted = each.acknowledged * PLANS.length;
  return {
    counts: {
      'kills': sum((report) => report.kills),
      'acknowledged writes': acknowledged,
      'writes without an answer': sum((report) => report.unknown),
      'reads': sum((report) => report.reads),
      'snapshots': snapshots,
    },
    faults: [
      ...(acknowledged < wanted ? [`only ${acknowledged} of ${wanted} writes were acknowledged`] : []),
      // In a short run the machine may not get so far.
      ...(wanted > 0 && snapshots === 0 ? ['no snapshot was made'] : []),
    ],
  };
}
