/**
 * Runs the tests: every `*.test.js` beside this file. Slow files have a process of their own, others share one with some of their folder.
 * One process more than there are processors runs at a time, within limits. Prints one line per process, the whole output of one that
 * failed, at the end what was skipped and why each of those failed, for a reader who sees only the end of a long log, and finally
 * `N passed, N failed`, with `, N skipped` where something was.
 *
 * Usage: `node dist/test/run.js [--root FOLDER] [--result-file FILE] [--measured ROOM]… [filter…]`. A file runs when its path contains
 * one of the filters. With `--result-file` the counts go there as JSON, and the closing line is left to the caller. The tests of a room
 * named by `--measured` write their coverage where `NODE_V8_COVERAGE` says.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SEEN_VARIABLE } from './api/seen-variable.js';
import { type FileVerdict, judgeFile } from './file-verdict.js';
import { runTestFiles, type TestProcessResult } from './test-process.js';

/**
 * A file per processor, and one more because some mostly wait. With twice as many, every test would be slow enough to meet its time limit.
 * At most so many, for their memory.
 */
const CONCURRENT_FILES_MAX = 5;
const CONCURRENT_FILES = Math.min(availableParallelism() + 1, CONCURRENT_FILES_MAX);
const FILE_TIMEOUT_MS = 15 * 60_000;
const RUN_TIMEOUT_MS = 45 * 60_000;
const MS_PER_SECOND = 1000;

/** Files that run the built program, or compile. They take longest, so they start first. */
const RUNS_PROGRAMS = /\.e2e\.test\.js$|^(?:docs|proofs)\/|^(?:tidy|setup|start-refusals|run|suite)\.test\.js$/;

/** Files that measure the memory of their process. */
const MEASURES_MEMORY = /^(?:projections\/key-values|log\/memory-log)\.test\.js$/;

/** Files of one folder that share a process: most take less time than a start and the loading of what they share. */
const FILES_TOGETHER_MAX = 6;

/** Columns of the file's name in a line. */
const NAME_WIDTH = 52;

/** Lines of a failed file's output that are repeated at the end, from its first failure on. */
const REPEATED_LINES = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'root': { type: 'string' }, 'result-file': { type: 'string' }, 'measured': { type: 'string', multiple: true } },
});
const measuredRooms = new Set(values.measured);
const root = path.resolve(values.root ?? path.dirname(fileURLToPath(import.meta.url)));
const stop = new AbortController();
const runTimer = setTimeout(() => stop.abort(`the whole run took longer than ${RUN_TIMEOUT_MS} ms`), RUN_TIMEOUT_MS);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stop.abort(`the run was ended by ${signal}`));
}

const wanted = testFiles(root).filter((file) => positionals.length === 0 || positionals.some((filter) => file.includes(filter)));
const waiting = processesFor(wanted);
const seenFolder = mkdtempSync(path.join(tmpdir(), 'simplekv-seen-'));
const seenFile = path.join(seenFolder, 'answers');
const totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
const skipped: string[] = [];
if (waiting.length === 0) {
  totals.failed = 1;
  console.log(`No test file under ${root} matches ${JSON.stringify(positionals)}`);
}
await Promise.all(Array.from({ length: CONCURRENT_FILES }, () => runWaiting()));
clearTimeout(runTimer);
// What some of the tests see says nothing of all.
if (positionals.length === 0 && values.root === undefined) await reportUnseen();
rmSync(seenFolder, { recursive: true });
if (skipped.length > 0) console.log(['\nSkipped:', ...skipped].join('\n'));
if (failures.length > 0) console.log(['\nFailed:', ...failures].join('\n'));
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
if (values['result-file'] === undefined) console.log(`\n${closingLine()}`);
else writeFileSync(values['result-file'], JSON.stringify(totals));

async function runWaiting(): Promise<void> {
  for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) {
    const { verdict, result } = await runProcess(files);
    if (files.length === 1 || verdict.faults.length === 0) {
      report(files, verdict, result);
      continue;
    }
    // One file may keep the others from running: each is judged alone. If none fails then, they fail together.
    const alone = [];
    for (const file of files) alone.push({ file, ...await runProcess([file]) });
    for (const { file, ...outcome } of alone) report([file], outcome.verdict, outcome.result);
    const isOnlyTogether = alone.every((outcome) => outcome.verdict.faults.length === 0);
    if (isOnlyTogether) report(files, { ...verdict, passedCount: 0, failedCount: 1 }, result);
  }
}

async function runProcess(files: readonly string[]): Promise<{ readonly verdict: FileVerdict; readonly result: TestProcessResult }> {
  const [first = ''] = files;
  const options = { timeoutMs: FILE_TIMEOUT_MS, signal: stop.signal, isMeasured: isMeasured(first), env: { [SEEN_VARIABLE]: seenFile } };
  const result = await runTestFiles(files.map((file) => path.join(root, file)), options);
  return { verdict: judgeFile(result), result };
}

/**
 * Whether the coverage of a file's room is measured: under c8, which runs slower and writes megabytes at the end. Each room that must be
 * covered is, by the tests of its own folder.
 */
function isMeasured(file: string): boolean {
  return measuredRooms.has(file.split(path.sep)[0] ?? '');
}

function report(files: readonly string[], verdict: FileVerdict, { durationMs, output }: TestProcessResult): void {
  const [first = ''] = files;
  totals.passed += verdict.passedCount;
  totals.failed += verdict.failedCount;
  totals.skipped += verdict.skipped.length;
  skipped.push(...verdict.skipped.map((line) => `  ${line}`));
  const name = files.length === 1 ? first : `${path.dirname(first)}: ${files.map(shortName).join(' ')}`;
  const seconds = (durationMs / MS_PER_SECOND).toFixed(1);
  const counts = `${String(verdict.passedCount).padStart(4)} passed ${String(verdict.failedCount).padStart(3)} failed`;
  const lines = [`${name.padEnd(NAME_WIDTH)} ${counts} ${seconds.padStart(7)} s`];
  if (verdict.faults.length > 0) {
    const faults = verdict.faults.map((fault) => `  ${name}: ${fault}`);
    lines.push(...faults, indent(output));
    failures.push(...faults, indent(fromFirstFailure(output)));
  }
  console.log(lines.join('\n'));
}

/** Fails each documented answer that was not seen, and prints those that were by chance. Loads the document only for this. */
async function reportUnseen(): Promise<void> {
  const { seenFaults } = await import('./api/seen-answers.js');
  const { unseen, listed } = seenFaults(seenFile);
  totals.failed += unseen.length;
  failures.push(...unseen.map((fault) => `  ${fault}`));
  if (listed.length > 0) console.log(['', ...listed].join('\n'));
}

function closingLine(): string {
  return `${totals.passed} passed, ${totals.failed} failed${totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`}`;
}

function shortName(file: string): string {
  return path.basename(file, '.test.js');
}

/** The files of each process: slow ones alone, others of one folder together. */
function processesFor(files: readonly string[]): string[][] {
  const processes: string[][] = [];
  for (const file of files) {
    const last = processes.at(-1);
    const [first] = last ?? [];
    const isNeighbour = first !== undefined && path.dirname(first) === path.dirname(file) && !runsAlone(first) && !runsAlone(file);
    if (isNeighbour && last !== undefined && last.length < FILES_TOGETHER_MAX) last.push(file);
    else processes.push([file]);
  }
  return processes;
}

/** The slow ones first, so that none of them is left for the end, when it would run alone. */
function testFiles(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.js'));
  // Measured ones take longest of the others, so they do not come last.
  const rankOf = (file: string): number => (runsAlone(file) ? 0 : isMeasured(file) ? 1 : 2);
  return files.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}

function runsAlone(file: string): boolean {
  return RUNS_PROGRAMS.test(file) || /\.crash\.test\.js$/.test(file) || MEASURES_MEMORY.test(file);
}

/** The part of an output that says what failed: uvu marks it with `FAIL`; where nothing is marked, the end of it. */
function fromFirstFailure(output: string): string {
  const lines = output.trimEnd().split('\n');
  const first = lines.findIndex((line) => /^\s*FAIL\b/.test(line));
  return (first < 0 ? lines.slice(-REPEATED_LINES) : lines.slice(first, first + REPEATED_LINES)).join('\n');
}

function indent(output: string): string {
  return output.replaceAll(/^(?=.)/gm, '  | ');
}
