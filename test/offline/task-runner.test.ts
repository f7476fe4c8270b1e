/** Work is handed on, ended by a signal, and ended for good when the runner closes. */
import assert from 'node:assert/strict';
import { suite } from '../suite.js';
import { TaskRunner } from '../../src/offline/task-runner.js';
import type { Task } from '../../src/offline/tasks.js';

const test = suite('offline/task-runner');
const JOB = { dataFolder: '/d', project: 'p', logId: '0'.repeat(32) };
const REPORT = { findings: [], bytes: 3 };

/** Work that only a signal ends. */
async function endless(_task: Task, signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

test('what the work gives is handed back, and the work is told what to do', async () => {
  const tasks: Task[] = [];
  const runner = new TaskRunner(async (task) => {
    tasks.push(task);
    return REPORT;
  });
  assert.equal(await runner.scrub(JOB), REPORT);
  await runner.build({ ...JOB, previousSeq: undefined, toSeq: 4 });
  assert.deepEqual(tasks.map(({ kind }) => kind), ['scrub', 'build']);
  assert.equal(tasks[0]?.job, JOB);
});

test('a signal ends one piece of work with its reason, and no other', async () => {
  const runner = new TaskRunner(endless);
  const [one, other] = [new AbortController(), new AbortController()];
  const first = runner.scrub(JOB, one.signal);
  const second = runner.scrub(JOB, other.signal);
  one.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  other.abort(new Error('this too'));
  await assert.rejects(second, /this too/);
});

test('a signal that was raised before keeps the work from beginning', async () => {
  const runner = new TaskRunner(() => assert.fail('it began'));
  await assert.rejects(runner.scrub(JOB, AbortSignal.abort(new Error('before'))), /before/);
});

test('closing ends everything and waits for it, and later work is refused', async () => {
  let isOver = false;
  const runner = new TaskRunner(async (task, signal) => {
    try {
      return await endless(task, signal);
    } finally {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isOver = true;
    }
  });
  const work = assert.rejects(runner.scrub(JOB), { code: 'shutting_down' });
  await runner.close();
  assert.ok(isOver, 'the work was over when the runner was closed');
  await work;
  await assert.rejects(runner.scrub(JOB), { code: 'shutting_down' });
});

test.run();
