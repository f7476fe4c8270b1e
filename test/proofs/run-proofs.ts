/** Runs proofs one after another and puts what they came to into a table. */
import type { Durability } from '../../src/base/durability.js';
import { type Count, DURABILITIES, type Proof, type ProofReport, type ProofRun } from './proof.js';

/** What became of one proof under one durability. */
export interface ProvenProof {
  readonly name: string;
  /** Undefined for a proof that takes none. */
  readonly durability: Durability | undefined;
  readonly projects: number;
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
  /** Proofs that take a durability are run once for each of these, which share the work between them. */
  readonly durabilities: readonly Durability[];
  /** Takes lines about the progress. */
  say(text: string): void;
}

const MS_PER_SECOND = 1000;
const SECONDS_PER_MINUTE = 60;
/** Heads the numbers of proofs that take no durability. */
const ANY = 'any';

/**
 * Runs proofs. One that fails does not keep the others from being run.
 *
 * @param proofs which
 * @param options how
 * @returns what became of each, one for each durability that it was run with
 */
export async function runProofs(proofs: readonly Proof[], options: RunOptions): Promise<readonly ProvenProof[]> {
  const proven: ProvenProof[] = [];
  for (const proof of proofs) {
    const runs = proof.takesDurability ? options.durabilities : [undefined];
    for (const [index, durability] of runs.entries()) {
      const startMs = Date.now();
      const title = durability === undefined ? proof.name : `${proof.name} (${durability})`;
      const { counts, faults } = await runProof(proof, options.form, {
        // Each durability picks others of all the possible faults, and its choices are not those of the one before.
        seed: options.seed + index,
        scale: options.scale / runs.length,
        durability: durability ?? 'fsync',
        say: (text) => options.say(`${title}: ${text}`),
      });
      for (const fault of faults) options.say(`${title} FAILED: ${fault}`);
      const { name, projects } = proof;
      proven.push({ name, durability, projects, counts, faults, durationMs: Date.now() - startMs });
    }
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

function formatCount(count: Count | undefined): string {
  const group = (value: number): string => value.toLocaleString('en-US');
  if (count === undefined) return '–';
  return typeof count === 'number' ? group(count) : `${group(count.found)}/${group(count.total)}`;
}

function formatDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / MS_PER_SECOND);
  const minutes = Math.floor(seconds / SECONDS_PER_MINUTE);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % SECONDS_PER_MINUTE} s`;
}

/** The rows of one proof: a row for each count, with a number for each durability. */
function rowsOf(runs: readonly ProvenProof[], columns: readonly string[]): readonly (readonly string[])[] {
  const [first] = runs;
  if (first === undefined) return [];
  const failed = runs.filter(({ faults }) => faults.length > 0).map(({ durability }) => durability ?? '');
  const verdict = failed.length === 0 ? 'holds' : ['FAILED', ...failed].filter((word) => word !== '').join(' ');
  const ends = [verdict, formatDuration(runs.reduce((total, { durationMs }) => total + durationMs, 0))];
  const names = [...new Set(runs.flatMap(({ counts }) => Object.keys(counts)))];
  return (names.length === 0 ? ['–'] : names).map((name, index) => [
    ...(index === 0 ? [first.name, String(first.projects)] : ['', '']),
    name,
    ...columns.map((column) => formatCount(runs.find(({ durability = ANY }) => durability === column)?.counts[name])),
    ...(index === 0 ? ends : ['', '']),
  ]);
}

/**
 * Makes the table.
 *
 * @param proven what became of the proofs
 * @returns lines of Markdown, one row a count, one column a durability
 */
export function proofTable(proven: readonly ProvenProof[]): string {
  const names = [...new Set(proven.map(({ name }) => name))];
  const columns = [ANY, ...DURABILITIES].filter((column) => proven.some(({ durability = ANY }) => durability === column));
  const head = ['proof', 'projects', 'counted', ...columns, 'result', 'time'];
  const rows = names.flatMap((name) => rowsOf(proven.filter((one) => one.name === name), columns));
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
