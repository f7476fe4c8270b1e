/** The proof that the server answers as the document of the API says, whatever it is sent. */
import { OPERATIONS } from '../api/api-document.js';
import { withWorkbench } from '../e2e/server-under-test.js';
import { type FuzzReport, fuzzHttp } from './http-fuzzer.js';
import type { Proof, ProofReport, ProofRun } from './proof.js';

const REQUESTS = 20_000;
const SHORT_REQUESTS = 500;
const PROJECTS = 3;

/** Every answer is compared with the document. */
export const fuzzHttpProof: Proof = {
  name: 'fuzz-http',
  counts: ['requests', 'undocumented methods', 'operations that succeeded'],
  projects: PROJECTS,
  takesDurability: false,
  short: (run) => fuzz(run, SHORT_REQUESTS),
  long: (run) => fuzz(run, Math.ceil(REQUESTS * run.scale)),
};

/** No request that is made from the document alone has the hash of a line. */
const NEEDS_A_RECEIPT: readonly string[] = ['findReceipt', 'findReceiptHead'];

async function fuzz(run: ProofRun, requests: number): Promise<ProofReport> {
  const reports: FuzzReport[] = [];
  await withWorkbench(async (bench) => {
    const onProgress = (count: number): void => run.say(`${count} of ${requests} requests`);
    reports.push(await fuzzHttp(bench, { seed: run.seed, requests, onProgress }));
  });
  const [report] = reports;
  if (report === undefined) throw new Error('Nothing was sent');
  const reachable = OPERATIONS.map(({ operation }) => operation.operationId).filter((id) => !NEEDS_A_RECEIPT.includes(id));
  const missing = reachable.filter((id) => !report.succeeded.has(id));
  if (missing.length > 0) run.say(`without success: ${missing.join(', ')}`);
  // A short run does not come to everything.
  const found = report.succeeded.size;
  const operations = requests < REQUESTS ? found : { found, total: reachable.length };
  return {
    counts: { 'requests': report.requests, 'undocumented methods': report.methods, 'operations that succeeded': operations },
    faults: report.faults,
  };
}
