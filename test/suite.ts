/**
 * The one way to write a test here: `const test = suite('name'); test('fact', body); test.run();`.
 *
 * It is a thin coat over uvu, which left alone can report success without testing: hooks that throw hide every
 * test, a thrown non-Error ends its suite silently, a forgotten `run()` shows nothing, and nothing limits the time
 * of a test. So hooks are not offered (build fixtures inside the test), every failure reaches uvu as a plain Error,
 * every test has a time limit, and at the end of the process one machine line says how many tests were registered
 * and how many finished; `test/run.ts` compares the two and fails the file when they differ.
 *
 * Assertions come from `node:assert/strict`.
 */
import { inspect } from 'node:util';
import pLimit from 'p-limit';
import { suite as uvuSuite } from 'uvu';
import { MACHINE_LINE_PREFIX, SKIPPED_LINE_PREFIX } from './file-verdict.js';
import type { Need } from './needs.js';
import { inForm } from './test-form.js';

/** Time limit of a test that sets none. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** A test in its long form may take so many times its limit. */
const TIMEOUT_FACTOR = inForm({ short: 1, long: 20 });

/** What the body of a test is: it passes when it returns or resolves, and fails when it throws or rejects. */
export type TestBody = () => void | Promise<void>;

/** How a test differs from the others. */
export interface TestOptions {
  /**
   * Milliseconds after which the test fails.
   *
   * @default 120_000
   */
  readonly timeoutMs?: number;
  /**
   * What the test needs that a plain machine may lack. Without it the test is skipped, and fails under CI.
   *
   * @default []
   */
  readonly needs?: readonly Need[];
}

/** How a suite differs from the others. */
export interface SuiteOptions {
  /**
   * Tests that run at the same time. More than one is for tests that mostly wait, each on a server of its own.
   *
   * @default 1
   */
  readonly concurrentTests?: number;
}

/** A list of tests under one name. */
export interface TestSuite {
  /**
   * Registers a test. All of them are registered before `run()`.
   *
   * @param name A sentence that states a fact, unique in its suite
   * @param body What must hold
   * @param options The time limit, when the default does not fit
   */
  (name: string, body: TestBody, options?: TestOptions): void;
  /** Hands the tests to uvu, which runs them one after another once the file has been read. Called once, last. */
  run(): void;
}

let registeredCount = 0;
let finishedCount = 0;
const skipped: string[] = [];

process.on('exit', () => {
  const lines = skipped.map((line) => `${SKIPPED_LINE_PREFIX} ${line}\n`);
  process.stdout.write(`\n${lines.join('')}${MACHINE_LINE_PREFIX} registered=${registeredCount} finished=${finishedCount}\n`);
});

/**
 * Opens a suite.
 *
 * @param name What is tested, usually the name of the source file
 * @param options How it differs from the others
 * @returns The function that registers tests, which also carries `run()`
 */
export function suite(name: string, { concurrentTests = 1 }: SuiteOptions = {}): TestSuite {
  const inner = uvuSuite(name);
  const names = new Set<string>();
  const limit = pLimit(concurrentTests);
  const waiting: (() => void)[] = [];
  let state: 'open' | 'running' = 'open';

  const register = (testName: string, body: TestBody, options: TestOptions = {}): void => {
    if (state !== 'open') throw new Error(`Cannot register the test "${testName}": run() of "${name}" was already called`);
    if (names.has(testName)) throw new Error(`Cannot register the test "${testName}": "${name}" has one of that name`);
    names.add(testName);
    const unmet = options.needs?.find((need) => !need.isMet);
    if (unmet !== undefined && !isUnderCi()) {
      skipped.push(`${name} "${testName}" needs ${unmet.name}: \`${unmet.remedy}\``);
      inner.skip(testName);
      return;
    }
    registeredCount += 1;
    const timeoutMs = (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) * TIMEOUT_FACTOR;
    let verdict: Promise<void> | undefined;
    waiting.push(() => {
      verdict = limit(() => runBody(testName, unmet === undefined ? body : () => refuseToSkip(unmet), timeoutMs));
      // uvu hears of it when the turn of this test comes.
      verdict.catch(() => {});
    });
    inner(testName, () => {
      for (const start of waiting.splice(0)) start();
      return verdict;
    });
  };

  const run = (): void => {
    if (state !== 'open') throw new Error(`Cannot run "${name}": run() was already called`);
    if (names.size === 0) throw new Error(`Cannot run "${name}": it has no tests`);
    state = 'running';
    inner.run();
  };

  return Object.assign(register, { run });
}

function isUnderCi(): boolean {
  return (process.env['CI'] ?? '') !== '';
}

function refuseToSkip({ name, remedy }: Need): never {
  throw new Error(`It needs ${name}, and CI skips nothing: have .ci/run do \`${remedy}\``);
}

async function runBody(testName: string, body: TestBody, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // The timer stays referenced: a body that waits for nothing would otherwise let the process end without a verdict.
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`"${testName}" was not over after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    // Called inside an async function, so that a body that throws at once is a rejection like any other.
    await Promise.race([(async () => body())(), limit]);
  } catch (reason) {
    throw plainFailure(reason);
  } finally {
    clearTimeout(timer);
    finishedCount += 1;
  }
}

/**
 * uvu formats a failure by reading `name`, `operator`, `actual`, `expected` and `stack`, and when that throws (a
 * non-Error, an odd `operator`, a value its diff cannot print) the rest of the suite is skipped without a word.
 * A fresh Error with nothing but a message and a stack cannot trip it; node:assert's message has the diff already.
 */
function plainFailure(reason: unknown): Error {
  if (!(reason instanceof Error)) return new Error(`The test threw something that is not an Error: ${inspect(reason)}`);
  const failure = new Error(describe(reason));
  const frames = String(reason.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  failure.stack = ['Error', ...frames].join('\n');
  return failure;
}

function describe(error: Error): string {
  const facts = 'facts' in error ? ` ${inspect(error.facts)}` : '';
  const cause = error.cause === undefined ? '' : `\n  cause: ${inspect(error.cause)}`;
  return `${String(error.name)}: ${String(error.message)}${facts}${cause}`;
}
