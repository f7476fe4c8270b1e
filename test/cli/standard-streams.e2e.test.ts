/**
 * What standard output and standard error may do to the server: be full, closed, never read. It answers all the same, keeps what
 * it acknowledged, and stops with 0 when it is asked to.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { type ServerUnderTest, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import { sampled } from '../test-form.js';
import {
  assertUnharmed, Pipe, putMany, redirected, REQUESTS, serverLogCheck, startUnheard, TEST_TIMEOUT_MS,
} from './redirected-server.js';

const test = suite('standard-streams', { concurrentTests: 3 });

/** The short form takes one way to redirect in so many. */
const EVERY = 2;
const PORT_RETRY_MS = 500;
const PORT_ATTEMPTS_MAX = 60;

const FULL_OR_CLOSED = [
  ['standard output is full', '> /dev/full'],
  ['standard error is full', '2> /dev/full'],
  ['both are full', '> /dev/full 2>&1'],
  ['both are closed', '>&- 2>&-'],
] as const;
for (const [what, redirection] of sampled(FULL_OR_CLOSED, EVERY)) {
  test(`${what}: requests are answered, a stop ends with 0, nothing acknowledged is lost`, () => withWorkbench(async (bench) => {
    const server = await startUnheard(bench, redirected(redirection));
    await putMany(server, 'k', 50);
    if (redirection === '> /dev/full') await assertReported(server);
    await assertUnharmed(bench, server, 50);
  }), { timeoutMs: TEST_TIMEOUT_MS });
}

/** A full standard output is reported once on standard error, and by readiness. */
async function assertReported(server: ServerUnderTest): Promise<void> {
  assert.match(server.stderr, /^simplekv: the server log cannot be written \(ENOSPC: no space left on device\): the server continues/);
  assert.equal(server.stderr.split('\n').length, 2, 'once');
  const { ok, detail } = await serverLogCheck(server);
  assert.equal(ok, false);
  assert.match(detail, /^cannot be written \(ENOSPC: .*\); 0 lines dropped$/);
}

const NEVER_READ = [
  ['standard output', (file: string) => `> ${file}`],
  ['standard error', (file: string) => `2> ${file}`],
  ['the pipe of both', (file: string) => `> ${file} 2>&1`],
] as const;
for (const [what, redirect] of sampled(NEVER_READ, EVERY)) {
  test(`${what} is never read: requests are answered, a stop ends with 0, nothing acknowledged is lost`,
    () => withWorkbench(async (bench) => {
    const pipe = new Pipe(bench, 'pipe');
    pipe.fill();
    const server = await startUnheard(bench, redirected(redirect(pipe.path)));
    await putMany(server, 'k');
    // Its key is printed on standard error.
    assert.equal((await server.send('POST', '/api/v1/projects', { body: '{"id":"new"}' })).status, 201);
    await assertUnharmed(bench, server, REQUESTS);
  }), { timeoutMs: TEST_TIMEOUT_MS });
}

for (const [what, redirection, isPipe] of [['full', '2> /dev/full', false], ['never read', '2> errors', true]] as const) {
  test(`a first run whose keys cannot be shown, because standard error is ${what}, makes no configuration and ends with 74`,
    () => withWorkbench(async (bench) => {
    if (isPipe) new Pipe(bench, 'errors').fill();
    // A first run listens on the default port, which another test may have for a while.
    let ending = await bench.spawn(redirected(redirection)).ended;
    for (let attempt = 1; ending.code === EXIT_CODES.unavailable && attempt < PORT_ATTEMPTS_MAX; attempt += 1) {
      await sleep(PORT_RETRY_MS);
      ending = await bench.spawn(redirected(redirection)).ended;
    }
    assert.deepEqual(ending, { code: 74, signal: null });
    assert.ok(!existsSync(bench.configPath));
  }), { timeoutMs: TEST_TIMEOUT_MS });
}

test.run();
