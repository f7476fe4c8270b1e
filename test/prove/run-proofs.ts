/** Runs proofs one after another and puts what they came to into a table. */
import type { Count, Proof, ProofReport, ProofRun } from './proof.js';

/** What became of one proof. */
export interface ProvenProof {
  readonly name: string;
  readonly counts: ProofReport['counts'];
  /** Empty when it holds. */
  readonly faults: readonly string[];
  readonly durationMs: number;
}

/** How proofs are run. */
export interface RunOptions {
  readonly form: 'short' | 'long';
  readonly seed: number;
  readonly scale: number;
  /** Takes lines for whoever waits. */
  say(text: string): void;
}

const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;

/**
 * Runs proofs. One that fails does not keep the others from being run.
 *
 * @param proofs which
 * @param options how
 * @returns what became of each
 */
export async function runProofs(proofs: readonly Proof[], options: RunOptions): Promise<readonly ProvenProof[]> {
  const proven: ProvenProof[] = [];
  for (const proof of proofs) {
    const startMs = Date.now();
    const run = { seed: options.seed, scale: options.scale, say: (text: string) => options.say(`${proof.name}: ${text}`) };
    const { counts, faults } = await runProof(proof, options.form, run);
    for (const fault of faults) options.say(`${proof.name} FAILED: ${fault}`);
    proven.push({ name: proof.name, counts, faults, durationMs: Date.now() - startMs });
  }
  return proven;
}

async function runProof(proof: Proof, form: RunOptions['form'], run: ProofRun): Promise<ProofReport> {
  try {
    const { counts, faults } = await proof[form](run);
    return { counts, faults: [...faults, ...countFaults(proof, counts)] };
  } catch (error) {
    return { counts: {}, faults: [error instanceof Error ? String(error.stack) : String(error)] };
  }
}

/** A proof counts what it promises, finds all there is, and has not done nothing. */
function countFaults(proof: Proof, counts: ProofReport['counts']): string[] {
  const faults: string[] = [];
  const names = Object.keys(counts);
  if (names.join() !== proof.counts.join()) faults.push(`it counts ${names.join(', ')} instead of ${proof.counts.join(', ')}`);
  for (const [name, count] of Object.entries(counts)) {
    if (typeof count === 'number') continue;
    if (count.total === 0) faults.push(`there were no ${name}`);
    if (count.found < count.total) faults.push(`${count.found} of ${count.total} ${name}`);
  }
  return faults;
}

function formatCount(count: Count): string {
  const group = (value: number): string => value.toLocaleString('en-US');
  return typeof count === 'number' ? group(count) : `${group(count.found)}/${group(count.total)}`;
}

function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / MS_PER_SECOND);
  const minutes = Math.floor(seconds / SECONDS_PER_MINUTE);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % SECONDS_PER_MINUTE} s`;
}

/**
 * Makes the table.
 *
 * @param proven what became of the proofs
 * @returns lines of Markdown, one row a count
 */
export function proofTable(proven: readonly ProvenProof[]): string {
  const rows = proven.flatMap(({ name, counts, faults, durationMs }) => {
    const verdict = [faults.length === 0 ? 'holds' : 'FAILED', formatDuration(durationMs)];
    const counted = Object.entries(counts).map(([count, value]) => [count, formatCount(value)]);
    if (counted.length === 0) return [[name, '–', '–', ...verdict]];
    return counted.map((cells, index) => [index === 0 ? name : '', ...cells, ...(index === 0 ? verdict : ['', ''])]);
  });
  const head = ['proof', 'counted', 'number', 'result', 'time'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
