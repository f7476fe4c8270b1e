/** The proof that what clients see, kills included, is what one thing after another would have shown them. */
import { withWorkbench } from '../e2e/server-under-test.js';
import type { History } from './linearizability/history.js';
import { judgeByLog } from './linearizability/log-witness.js';
import { judgeBySearch } from './linearizability/order-search.js';
import { PLANTED_ANOMALIES, SOUND_HISTORIES } from './linearizability/planted-anomalies.js';
import { recordHistories } from './linearizability/record-history.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

/** Each gives a history of each project. */
const RECORDINGS = 50;
const OPERATIONS = 2000;
const SHORT_OPERATIONS = 300;
const CLIENTS = 16;
const PROJECTS = 4;
/** Of each project: few, so that clients meet. */
const KEYS = 2;
const KILLS = 3;
/** Settings that histories take in turn: values in memory, many small segments, values on disk with snapshots made meanwhile. */
const STORAGES: readonly object[] = [
  {}, { segment_bytes: 4096 }, { segment_bytes: 4096, cache_in_memory: false, compaction: { interval_seconds: 1 } },
];
/** Between two seeds of a run, so that clients of one history do not choose like those of the next. */
const SEED_STEP = 100;
const FAULTS_SHOWN_MAX = 5;

/** Both judges look at every history, and at every anomaly that was planted for them. */
export const linearizabilityProof: Proof = {
  name: 'linearizability',
  counts: ['histories', 'operations', 'kills', 'planted anomalies'],
  projects: PROJECTS,
  takesDurability: true,
  short: (run) => proveHistories(run, { recordings: 1, operations: SHORT_OPERATIONS }),
  long: (run) => proveHistories(run, { recordings: Math.ceil(RECORDINGS * run.scale), operations: OPERATIONS }),
};

/** What the judges say of a history. */
function faultsOf(history: History): readonly string[] {
  const verdict = judgeBySearch(history.operations);
  const search = verdict.kind === 'explained' ? [] : [`no order found for ${verdict.key}: ${verdict.kind}`];
  return [...judgeByLog(history), ...search];
}

/** Whether just those judges see an anomaly that have to. */
function isCaught({ caughtBy, history }: (typeof PLANTED_ANOMALIES)[number]): boolean {
  const log = judgeByLog(history).length > 0;
  const search = judgeBySearch(history.operations).kind === 'impossible';
  return log === caughtBy.includes('log') && search === caughtBy.includes('search');
}

async function proveHistories(
  run: ProofRun, wanted: { readonly recordings: number; readonly operations: number },
): Promise<ProofReport> {
  const faults = SOUND_HISTORIES.flatMap(({ name, history }) => faultsOf(history).map((fault) => `sound history "${name}": ${fault}`));
  const missed = PLANTED_ANOMALIES.filter((anomaly) => !isCaught(anomaly));
  faults.push(...missed.map(({ name }) => `planted anomaly missed: ${name}`));
  let sound = 0;
  let operations = 0;
  for (let index = 0; index < wanted.recordings; index += 1) {
    const seed = run.seed + index * SEED_STEP;
    const storage = { durability: run.durability, ...STORAGES[index % STORAGES.length] };
    await withWorkbench(async (bench) => {
      const options = { seed, operations: wanted.operations, clients: CLIENTS, projects: PROJECTS, keys: KEYS, kills: KILLS, storage };
      for (const [project, history] of (await recordHistories(bench, options)).entries()) {
        const found = faultsOf(history);
        if (found.length === 0) sound += 1;
        faults.push(...found.slice(0, FAULTS_SHOWN_MAX).map((fault) => `history of seed ${seed}, project ${project}: ${fault}`));
        operations += history.operations.length;
      }
    });
    run.say(`${index + 1} of ${wanted.recordings} recordings, ${operations} operations`);
  }
  return {
    counts: {
      'histories': { found: sound, total: wanted.recordings * PROJECTS },
      'operations': operations,
      'kills': wanted.recordings * (KILLS + 1),
      'planted anomalies': { found: PLANTED_ANOMALIES.length - missed.length, total: PLANTED_ANOMALIES.length },
    },
    faults,
  };
}
