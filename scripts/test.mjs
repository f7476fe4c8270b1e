/**
 * `npm test [-- filter…]`: installs and builds (which checks the types) what is not up to date, runs the tests under
 * c8, and checks the coverage of the rooms that carry the data. The last line is always `N passed, N failed`, with
 * `, N skipped` where this machine lacks what a test needs. A build that fails, a run that dies and a room below its
 * minimum each count as one failed. A filter chooses test files by a part of their path, without coverage.
 * `npm test -- outsiders` and `npm test -- adapters` install what only these tests need.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { coverageByRoom, coverageTable, GATED_ROOMS } from './coverage-gate.mjs';
import { ensureBuilt, ensureInstalled, ensureTestPackages, PACKAGED_TESTS, root, runSteps } from './setup.mjs';

const filters = process.argv.slice(2);
runSteps(() => {
  ensureInstalled();
  for (const name of PACKAGED_TESTS) if (filters.includes(name)) ensureTestPackages(name);
  ensureBuilt();
}, () => close({ passed: 0, failed: 1 }));

// Measured in a folder of this run: two runs in one checkout must not mix.
const scratch = mkdtempSync(path.join(tmpdir(), 'simplekv-test-'));
let totals;
try {
  totals = filters.length > 0 ? await runTests([]) : await runCovered();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
close(totals);

async function runCovered() {
  const report = path.join(scratch, 'report');
  const counts = await runTests([
    path.join(root, 'node_modules/c8/bin/c8.js'), '--all', '--src', 'dist/src', '--exclude-after-remap',
    ...GATED_ROOMS.flatMap((room) => ['--include', `src/${room}/**`]), '--merge-async', '--reporter', 'json-summary', '--reporter', 'json',
    '--temp-directory', path.join(scratch, 'raw'), '--reports-dir', report, process.execPath,
  ], GATED_ROOMS.flatMap((room) => ['--measured', room]));
  const summary = readJsonOrNull(path.join(report, 'coverage-summary.json'));
  if (summary === null) {
    console.log('\nNo coverage was measured');
    return { ...counts, failed: counts.failed + 1 };
  }
  cpSync(report, path.join(root, 'coverage'), { recursive: true });
  const rows = coverageByRoom(root, summary);
  console.log(`\n${coverageTable(rows)}`);
  return { ...counts, failed: counts.failed + rows.filter((row) => !row.isEnough).length };
}

/** Runs the compiled runner, behind what stands in front of it, and reads back its counts. */
async function runTests(front, options = []) {
  const resultFile = path.join(scratch, 'result.json');
  const args = [...front, path.join(root, 'dist/test/run.js'), '--result-file', resultFile, ...options, ...filters];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  await new Promise((resolve) => child.once('close', resolve));
  return readJsonOrNull(resultFile) ?? { passed: 0, failed: 1 };
}

function readJsonOrNull(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function close({ passed, failed, skipped = 0 }) {
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  console.log(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
}
