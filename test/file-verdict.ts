/**
 * Decides whether one test file passed, from what its process left behind. Pure: it knows what a report looks like,
 * not how processes are run. Nothing counts as passed unless uvu's summary, the machine line of `suite.ts` and the
 * exit code all say so.
 */

/** What the machine line starts with, which `suite.ts` prints at the end of a test process. */
export const MACHINE_LINE_PREFIX = '#simplekv-tests';

/** What each line starts with that names a skipped test, before the machine line. */
export const SKIPPED_LINE_PREFIX = '#simplekv-skipped';

/** What is known about a test file once its process is gone. */
export interface FileOutcome {
  /** The exit code, or null when a signal ended the process. */
  readonly exitCode: number | null;
  /** The signal that ended the process, or null. */
  readonly signal: string | null;
  /** Why the runner ended the process, or null when it ended by itself. */
  readonly killedBecause: string | null;
  /** The end of its standard output. */
  readonly stdoutTail: string;
}

/** The judgement on one test file. */
export interface FileVerdict {
  /** Tests that passed. */
  readonly passedCount: number;
  /** Tests that failed; at least one when anything is wrong with the file. */
  readonly failedCount: number;
  /** Tests that were skipped, each with its reason. */
  readonly skipped: readonly string[];
  /** What is wrong, each in one line; empty when the file passed. */
  readonly faults: readonly string[];
}

interface Counts {
  readonly total: number;
  readonly passed: number;
  readonly skipped: number;
}

/**
 * Judges one test file.
 *
 * @param outcome What its process left behind
 * @returns The counts and the faults
 */
export function judgeFile(outcome: FileOutcome): FileVerdict {
  const counts = parseSummary(outcome.stdoutTail);
  const machine = parseMachineLine(outcome.stdoutTail);
  const skipped = skippedIn(outcome.stdoutTail);
  const faults = [...processFaults(outcome), ...summaryFaults(counts, skipped.length), ...machineFaults(machine, counts)];
  const passedCount = counts?.passed ?? 0;
  const missingCount = Math.max(counts?.total ?? 0, machine?.registered ?? 0) - passedCount;
  return { passedCount, failedCount: Math.max(missingCount, faults.length === 0 ? 0 : 1), skipped, faults };
}

function processFaults(outcome: FileOutcome): string[] {
  if (outcome.killedBecause !== null) return [outcome.killedBecause];
  if (outcome.signal !== null) return [`ended by ${outcome.signal}`];
  return outcome.exitCode === 0 ? [] : [`exit code ${outcome.exitCode}`];
}

function summaryFaults(counts: Counts | null, skippedCount: number): string[] {
  if (counts === null) return ['no summary: it ended before its tests did'];
  const faults: string[] = [];
  if (counts.total === 0 && skippedCount === 0) faults.push('no test ran');
  if (counts.passed !== counts.total) faults.push(`${counts.passed} of ${counts.total} passed`);
  if (counts.skipped !== skippedCount) faults.push(`${counts.skipped} skipped, ${skippedCount} of them with a reason`);
  return faults;
}

function machineFaults(machine: { registered: number; finished: number } | null, counts: Counts | null): string[] {
  if (machine === null) return [`no "${MACHINE_LINE_PREFIX}" line: it did not use suite.ts, or was killed`];
  const faults: string[] = [];
  if (machine.finished !== machine.registered) {
    faults.push(`${machine.registered} tests registered, ${machine.finished} finished: was run() forgotten?`);
  }
  if (counts !== null && counts.total !== machine.registered) {
    faults.push(`${machine.registered} tests registered, ${counts.total} in the summary`);
  }
  return faults;
}

function parseSummary(text: string): Counts | null {
  const match = [...text.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)].at(-1);
  if (match === undefined) return null;
  return { total: Number(match[1]), passed: Number(match[2]), skipped: Number(match[3]) };
}

function skippedIn(text: string): string[] {
  return [...text.matchAll(new RegExp(`^${SKIPPED_LINE_PREFIX} (.+)$`, 'gm'))].map(([, line = '']) => line);
}

function parseMachineLine(text: string): { registered: number; finished: number } | null {
  const pattern = new RegExp(`^${MACHINE_LINE_PREFIX} registered=(\\d+) finished=(\\d+)$`, 'gm');
  const match = [...text.matchAll(pattern)].at(-1);
  return match === undefined ? null : { registered: Number(match[1]), finished: Number(match[2]) };
}
