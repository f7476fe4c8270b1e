/** Proves that a test file written with `suite.ts` cannot succeed without testing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { judgeFile, type FileVerdict } from './file-verdict.js';
import { suite } from './suite.js';

const test = suite('suite');
const suiteUrl = new URL('./suite.js', import.meta.url).href;

interface Run {
  readonly verdict: FileVerdict;
  readonly output: string;
}

/** Runs a fixture as `run.ts` would, and judges it. */
function runFixture(body: string): Run {
  const folder = mkdtempSync(path.join(tmpdir(), 'simplekv-suite-'));
  try {
    const file = path.join(folder, 'fixture.mjs');
    writeFileSync(file, `import { suite } from ${JSON.stringify(suiteUrl)};\nconst test = suite('fixture');\n${body}\n`);
    const result = spawnSync(process.execPath, [file], { encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '0' } });
    const verdict = judgeFile({
      exitCode: result.status, signal: result.signal, killedBecause: null, stdoutTail: result.stdout,
    });
    return { verdict, output: result.stdout + result.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('two tests that pass are two passed, none failed', () => {
  const { verdict, output } = runFixture(`test('a', () => {}); test('b', async () => {}); test.run();`);
  assert.deepEqual(verdict, { passedCount: 2, failedCount: 0, skipped: [], faults: [] }, output);
});

test('tests run one after another, or as many at a time as the suite says, and each failure has its name', () => {
  const bodies = `
    let running = 0; let most = 0;
    const body = async () => { most = Math.max(most, ++running); await new Promise((done) => setTimeout(done, 20)); running -= 1; };
    for (const name of ['a', 'b', 'c']) test(name, body);
    test('late', async () => { await body(); throw new Error('most ' + most); });
    test.run();`;
  assert.match(runFixture(bodies).output, /"late"[^]*most 1\b/);
  const { verdict, output } = runFixture(`{ const test = suite('other', { concurrentTests: 2 }); ${bodies} }`);
  assert.match(output, /"late"[^]*most 2\b/);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [3, 1]);
});

test('a failing assertion fails by the name of its test and shows the difference', () => {
  const { verdict, output } = runFixture(`
    import assert from 'node:assert/strict';
    test('sums', () => assert.deepEqual({ a: 1 }, { a: 2 })); test('b', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
  assert.match(output, /"sums"/);
  assert.match(output, /a: 1/);
  assert.match(output, /fixture\.mjs/);
});

test('a test that throws a string fails and the next one still runs', () => {
  const { verdict, output } = runFixture(`test('a', () => { throw 'no error'; }); test('b', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
  assert.match(output, /not an Error: 'no error'/);
});

test('a test that rejects with undefined fails and the next one still runs', () => {
  const { verdict } = runFixture(`test('a', () => Promise.reject()); test('b', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
});

test('an error whose fields uvu cannot format fails and the next one still runs', () => {
  const { verdict } = runFixture(`
    test('a', () => { throw Object.assign(new Error('odd'), { name: 'AssertionError', operator: 7, actual: 1n, expected: {} }); });
    test('b', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
});

test('a file that forgets run() fails', () => {
  const { verdict } = runFixture(`test('a', () => {});`);
  assert.equal(verdict.failedCount, 1);
});

test('a second suite in the file that forgets run() fails', () => {
  const { verdict } = runFixture(`const other = suite('other'); other('b', () => {}); test('a', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
  assert.match(verdict.faults.join(), /2 tests registered, 1 finished/);
});

test('a test that never settles fails by its name within its time limit', () => {
  const { verdict, output } = runFixture(`
    test('hangs', () => new Promise(() => {}), { timeoutMs: 20 }); test('b', () => {}); test.run();`);
  assert.deepEqual([verdict.passedCount, verdict.failedCount], [1, 1]);
  assert.match(output, /"hangs" was not over after 20 ms/);
});

test('a file that exits with success in the middle fails', () => {
  const { verdict } = runFixture(`test('a', () => { process.exit(0); }); test('b', () => {}); test.run();`);
  assert.equal(verdict.passedCount, 0);
  assert.equal(verdict.failedCount, 2);
});

test('a file that is killed fails', () => {
  const { verdict } = runFixture(`test('a', () => { process.kill(process.pid, 'SIGKILL'); }); test.run();`);
  assert.equal(verdict.failedCount, 1);
  assert.match(verdict.faults.join(), /SIGKILL/);
});

test('a rejection that is not awaited fails the file', () => {
  const { verdict } = runFixture(`test('a', () => { Promise.reject(new Error('lost')); }); test.run();`);
  assert.equal(verdict.failedCount, 1);
});

test('a suite without tests, a second run() and a test after run() are refused', () => {
  assert.match(runFixture(`test.run();`).output, /it has no tests/);
  assert.match(runFixture(`test('a', () => {}); test.run(); test.run();`).output, /already called/);
  assert.match(runFixture(`test('a', () => {}); test.run(); test('b', () => {});`).output, /already called/);
});

test('two tests of one name are refused', () => {
  assert.match(runFixture(`test('a', () => {}); test('a', () => {}); test.run();`).output, /has one of that name/);
});

test('hooks, only and skip are not offered', () => {
  assert.deepEqual(Object.keys(suite('probe')), ['run']);
});

test.run();
