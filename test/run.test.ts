/** The runner as it is used: a folder of test files in, lines and an exit code out. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from './suite.js';
import { runTestFile } from './test-process.js';

const test = suite('run');
const runner = fileURLToPath(new URL('./run.js', import.meta.url));
const suiteImport = `import { suite } from ${JSON.stringify(new URL('./suite.js', import.meta.url).href)};\n`;
/** More than a runner prints of one file. */
const OUTPUT_BYTES_MAX = 16_777_216;
const FAULTS_CHARACTERS = 1000;
const GOOD = `const test = suite('good'); test('a', () => {}); test('b', () => {}); test.run();`;

/** A folder of test files, removed when the body is over. */
async function withFiles<T>(files: Record<string, string>, body: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-run-'));
  try {
    // Fixtures are modules, whatever lies above the temp folder.
    writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), suiteImport + text);
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(folder: string, ...args: string[]) {
  return runWith({}, folder, ...args);
}

function runWith(env: Record<string, string>, folder: string, ...args: string[]) {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MAX } as const;
  const result = spawnSync(process.execPath, [runner, '--root', folder, ...args], options);
  return { status: result.status, stdout: result.stdout, lastLine: result.stdout.trimEnd().split('\n').at(-1) };
}

test('two good files exit 0 and close with the sum alone on the last line', async () => {
  await withFiles({ 'a.test.js': GOOD, 'b.test.js': GOOD, 'not-a-test.js': 'throw 1' }, (folder) => {
    const { status, stdout } = run(folder);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\n4 passed, 0 failed\n$/);
  });
});

test('a failing file shows its output and the exit code is 1', async () => {
  const bad = `const test = suite('bad'); test('breaks', () => { throw new Error('this is why'); }); test.run();`;
  await withFiles({ 'a.test.js': GOOD, 'b.test.js': bad }, (folder) => {
    const { status, stdout, lastLine } = run(folder);
    assert.equal(status, 1);
    assert.match(stdout, /this is why/);
    assert.equal(lastLine, '2 passed, 1 failed');
  });
});

test('files that pass alone and fail together are a failure', async () => {
  const shared = `const test = suite('s');
    test('first in its process', () => { if (globalThis.seen) throw new Error('second'); globalThis.seen = 1; });
    test.run();`;
  await withFiles({ 'a.test.js': shared, 'b.test.js': shared }, (folder) => {
    const { stdout, lastLine } = run(folder);
    assert.match(stdout, /^\.: a b +0 passed +1 failed/m);
    assert.equal(lastLine, '2 passed, 1 failed');
  });
});

test('failures are repeated at the end, after the files that passed', async () => {
  const bad = `const test = suite('bad'); test('breaks', () => { throw new Error('this is why'); }); test.run();`;
  await withFiles({ 'a.test.js': bad, 'b.test.js': GOOD, 'c.test.js': 'this is no JavaScript' }, (folder) => {
    const { stdout } = run(folder);
    const end = stdout.slice(stdout.indexOf('\nFailed:\n'));
    assert.match(end, /a\.test\.js: exit code 1\n[^]*\| +FAIL +bad +"breaks"\n[^]*this is why/);
    assert.match(end, /c\.test\.js: exit code 1\n[^]*SyntaxError/);
    assert.doesNotMatch(end, /b\.test\.js/);
    assert.doesNotMatch(run(folder, 'b.test.js').stdout, /Failed/);
  });
});

test('a file that cannot be loaded counts one failed', async () => {
  await withFiles({ 'a.test.js': 'this is no JavaScript' }, (folder) => {
    assert.equal(run(folder).lastLine, '0 passed, 1 failed');
  });
});

test('a file without suite.ts counts as failed even when it exits 0', async () => {
  await withFiles({ 'a.test.js': '' }, (folder) => {
    assert.equal(run(folder).lastLine, '0 passed, 1 failed');
  });
});

test('nothing to run is a failure', async () => {
  await withFiles({ 'a.test.js': GOOD }, (folder) => {
    const { status, lastLine } = run(folder, 'no-such-file');
    assert.equal(status, 1);
    assert.equal(lastLine, '0 passed, 1 failed');
  });
});

test('a filter chooses files by a part of their path', async () => {
  await withFiles({ 'apple.test.js': GOOD, 'pear.test.js': GOOD }, (folder) => {
    assert.equal(run(folder, 'pea').lastLine, '2 passed, 0 failed');
  });
});

test('with a result file the counts go there and no closing line is printed', async () => {
  await withFiles({ 'a.test.js': GOOD }, (folder) => {
    const resultFile = path.join(folder, 'result.json');
    const { stdout } = run(folder, '--result-file', resultFile);
    assert.deepEqual(JSON.parse(readFileSync(resultFile, 'utf8')), { passed: 2, failed: 0, skipped: 0 });
    assert.doesNotMatch(stdout, /passed, /);
  });
});

test('a test that lacks what it needs is skipped by name, and fails under CI', async () => {
  const needing = `const test = suite('s'); const needs = [{ name: 'frob', remedy: 'apt-get install frob', isMet: false }];
    test('draws', () => {}, { needs }); test.run();`;
  await withFiles({ 'a.test.js': needing, 'b.test.js': GOOD }, (folder) => {
    const { status, stdout } = runWith({ CI: '' }, folder);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\nSkipped:\n {2}s "draws" needs frob: `apt-get install frob`\n\n2 passed, 0 failed, 1 skipped\n$/);
    const underCi = runWith({ CI: 'true' }, folder);
    assert.match(underCi.stdout, /It needs frob, and CI skips nothing/);
    assert.equal(underCi.lastLine, '2 passed, 1 failed');
  });
});

test('output beyond a mebibyte is dropped from its beginning and the summary is still read', async () => {
  const loud = `for (let i = 0; i < 64; i += 1) console.log('x'.repeat(65536));\n${GOOD}`;
  await withFiles({ 'a.test.js': loud }, (folder) => {
    const { lastLine, stdout } = run(folder);
    assert.equal(lastLine, '2 passed, 0 failed', stdout.slice(0, FAULTS_CHARACTERS));
  });
});

test('a file over its time limit is killed with the processes that it started', async () => {
  const hanging = `
    import { spawn } from 'node:child_process';
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    console.log('grandchild ' + child.pid + ' ');`;
  await withFiles({ 'a.test.js': hanging }, async (folder) => {
    const result = await runTestFile(path.join(folder, 'a.test.js'), { timeoutMs: 5_000, signal: new AbortController().signal });
    assert.equal(result.killedBecause, 'took longer than 5000 ms');
    const grandchild = Number(/grandchild (\d+) /.exec(result.output)?.[1]);
    // It was killed, and may still be on its way out.
    for (let wait = 0; wait < 500 && !isGone(grandchild); wait += 1) await sleep(10);
    assert.ok(isGone(grandchild), `process ${grandchild} is still there`);
  });
});

/** A killed process that has not been reaped yet is still listed, as a zombie. */
function isGone(pid: number): boolean {
  assert.ok(Number.isInteger(pid));
  try {
    return /^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test.run();
