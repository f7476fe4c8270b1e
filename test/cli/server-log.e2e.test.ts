/**
 * The server log and what takes it: a reader that is late or gone, a paused terminal, a full disk, a file that is cut. No line
 * is lost while there is memory for it, and none is out of order.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountSmall } from '../proofs/faults/disk-full-cycles.js';
import { until, withWorkbench } from '../e2e/server-under-test.js';
import { suite } from '../suite.js';
import {
  assertUnharmed, Pipe, putMany, redirected, REQUESTS, serverLogCheck, startUnheard, STOP_LIMIT_MS, TEST_TIMEOUT_MS,
} from './redirected-server.js';

const test = suite('server-log');

test('a reader that starts late gets every line in order', () => withWorkbench(async (bench) => {
  const pipe = new Pipe(bench, 'pipe');
  const server = await startUnheard(bench, redirected(`> ${pipe.path}`));
  await putMany(server, 'k', 2 * REQUESTS);
  let text = '';
  const isReading = { value: true };
  const reading = (async () => {
    while (isReading.value) {
      text += pipe.read();
      await sleep(1);
    }
  })();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  isReading.value = false;
  await reading;
  text += pipe.read();
  const logged = text.trimEnd().split('\n').map((line) => JSON.parse(line) as { time: string; msg: string; method?: string });
  assert.equal(logged.filter(({ msg, method }) => msg === 'request' && method === 'PUT').length, 2 * REQUESTS);
  assert.equal(logged.at(-1)?.msg, 'stopped');
  const times = logged.map(({ time }) => time);
  assert.deepEqual(times, times.toSorted());
}), { timeoutMs: TEST_TIMEOUT_MS });

test('a reader that left is reported on standard error, and the next one gets the queued lines', () => withWorkbench(async (bench) => {
  const pipe = new Pipe(bench, 'pipe');
  const server = await startUnheard(bench, redirected(`> ${pipe.path}`));
  pipe.read();
  pipe.close();
  await putMany(server, 'k', 50);
  assert.match(server.stderr, /^simplekv: the server log cannot be written \(EPIPE: broken pipe\)/);
  assert.equal((await serverLogCheck(server)).ok, false);
  pipe.reopen();
  let text = '';
  await until('the lines', () => {
    text += pipe.read();
    return (text.match(/"method":"PUT"/g) ?? []).length === 50 ? true : undefined;
  });
  assert.deepEqual(await serverLogCheck(server), { name: 'server_log', ok: true, detail: '0 lines dropped' });
  pipe.close();
  await assertUnharmed(bench, server, 50);
}), { timeoutMs: TEST_TIMEOUT_MS });

test('a paused terminal blocks nothing', () => withWorkbench(async (bench) => {
  // `script` stands for the terminal: it stops to read once its own output is full.
  const pipe = new Pipe(bench, 'screen');
  const pidFile = bench.path('pid');
  const line = `exec script -qfec 'echo $$ > ${pidFile}; exec '"$*" /dev/null > ${pipe.path}`;
  const server = await startUnheard(bench, { front: ['bash', '-c', line, 'bash'] });
  await putMany(server, 'k', 2 * REQUESTS);
  assert.equal((await server.send('GET', '/livez')).status, 200);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const startMs = Date.now();
  process.kill(pid, 'SIGTERM');
  await until('its end', () => (existsSync(`/proc/${pid}`) && !isZombie(pid) ? undefined : true));
  assert.ok(Date.now() - startMs < STOP_LIMIT_MS);
  assert.match(pipe.read(), /INFO.*serving/);
}), { timeoutMs: TEST_TIMEOUT_MS });

function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('a server log on a full disk blocks nothing, and once there is space no line is missing', () => withWorkbench(async (bench) => {
  if (!(await mountSmall(bench))) return;
  const [ballast, log] = [bench.path('data', 'ballast'), bench.path('data', 'server.log')];
  const server = await startUnheard(bench, redirected(`>> ${log}`));
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(64 * 1024 * 1024)), { code: 'ENOSPC' });
  await putMany(server, 'k');
  assert.equal((await serverLogCheck(server)).ok, false);
  truncateSync(ballast);
  await until('the lines', () => (countRequests(log, 'PUT') === REQUESTS ? true : undefined));
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
}), { timeoutMs: TEST_TIMEOUT_MS });

function countRequests(file: string, method: string): number {
  const text = readFileSync(file, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== '');
  return whole.map((line) => JSON.parse(line) as { method?: string }).filter((line) => line.method === method).length;
}

test('a server log at its size limit (EFBIG) blocks nothing', () => withWorkbench(async (bench) => {
  const log = bench.path('server.log');
  const server = await startUnheard(bench, redirected(`>> ${log}`));
  const { size } = statSync(log);
  spawnSync('prlimit', ['--pid', String(server.process.pid), `--fsize=${size}:unlimited`]);
  for (let index = 0; index < 20; index += 1) assert.equal((await server.send('GET', '/api/v1/projects/p/keys/none')).status, 404);
  assert.match((await serverLogCheck(server)).detail, /EFBIG/);
  spawnSync('prlimit', ['--pid', String(server.process.pid), '--fsize=unlimited:unlimited']);
  await until('the lines', () => (countRequests(log, 'GET') >= 21 ? true : undefined));
  await assertUnharmed(bench, server, 0);
}), { timeoutMs: TEST_TIMEOUT_MS });

test('a server log that is rotated by copytruncate continues at its beginning', () => withWorkbench(async (bench) => {
  const log = bench.path('server.log');
  const server = await startUnheard(bench, redirected(`>> ${log}`));
  await putMany(server, 'k', 50);
  // A line is written when its answer is out, which its client may know before.
  await until('the lines before the cut', () => (countRequests(log, 'PUT') === 50 ? true : undefined));
  truncateSync(log);
  await putMany(server, 'l', 50);
  await until('the lines', () => (countRequests(log, 'PUT') === 50 ? true : undefined));
  assert.ok(!readFileSync(log).includes(0), 'no hole where the first lines were');
}), { timeoutMs: TEST_TIMEOUT_MS });

/** Throws where no code of the server can catch it. */
const DEFECT = `process.on('SIGUSR2',()=>{throw new Error('made-defect')})`;

for (const [what, redirection] of [
  ['a pipe', ''], ['a file', '>> server.log'], ['a pipe that is never read', '> pipe'], ['a full device', '> /dev/full'],
] as const) {
  test(`a defect ends the server with 1, and its last lines go to ${what}`, () => withWorkbench(async (bench) => {
    if (redirection.includes('pipe')) new Pipe(bench, 'pipe').fill();
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(DEFECT)}` };
    const server = await startUnheard(bench, { ...redirected(redirection), env });
    await putMany(server, 'k', 50);
    server.process.kill('SIGUSR2');
    assert.deepEqual(await server.ended, { code: 1, signal: null });
    assert.match(server.stderr, /simplekv: Error: made-defect/);
    const text = redirection.includes('server.log') ? readFileSync(bench.path('server.log'), 'utf8') : server.stdout;
    if (redirection === '' || redirection.includes('server.log')) {
      assert.equal((text.match(/"method":"PUT"/g) ?? []).length, 50);
      assert.match(text, /"level":"fatal".*made-defect.*\n$/);
    }
  }), { timeoutMs: TEST_TIMEOUT_MS });
}

test.run();
