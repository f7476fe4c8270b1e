/** Tasks that share threads, with threads that run a text instead of the work. */
import assert from 'node:assert/strict';
import { TaskThreads } from '../../../src/offline/tasks/task-threads.js';
import type { Task } from '../../../src/offline/tasks/tasks.js';
import { suite } from '../../suite.js';

const test = suite('offline/tasks/task-threads');
const NEVER = new AbortController().signal;

/** Answers with the number of its thread, or ends where a piece says so. */
const COUNTING = 'const { parentPort, threadId } = await import("node:worker_threads"); parentPort.on("message", ({ job }) => {'
  + 'if (job.previousHash === "end") process.exit(3);'
  + 'parentPort.postMessage({ kind: job.previousHash === "bad" ? "failure" : "result", '
  + 'failure: { name: "Error", message: "refused" }, result: { thread: threadId, name: job.previousHash } }); });';

function threads(shared: number, idle = 9): TaskThreads {
  return new TaskThreads(new URL(`data:text/javascript,${encodeURIComponent(COUNTING)}`), { shared: { lines: shared }, idle });
}

function lines(previousHash: string): Task {
  return { kind: 'lines', job: { bytes: new Uint8Array(1), previousHash } };
}

interface Answer {
  readonly thread: number;
  readonly name: string;
}

async function run(running: TaskThreads, name: string, signal: AbortSignal = NEVER): Promise<Answer> {
  return (await running.run(lines(name), signal)) as unknown as Answer;
}

test('tasks of a kind that shares threads wait in one thread, and each gets its own answer', async () => {
  const running = threads(3);
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(running, name)));
  assert.deepEqual(answers.map(({ name }) => name), ['a', 'b', 'c', 'd']);
  assert.equal(new Set(answers.map(({ thread }) => thread)).size, 1);
  await running.close();
});

test('another thread starts after many tasks, and not more than there may be', async () => {
  const running = threads(2);
  const used = new Set<number>();
  for (let round = 0; round < 40; round += 1) {
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(running, name)));
    for (const { thread } of answers) used.add(thread);
    assert.ok(round > 0 || used.size === 1);
  }
  assert.equal(used.size, 2);
  await running.close();
});

test('a task of another kind does not wait for those that share a thread', async () => {
  const running = threads(1);
  const shared = run(running, 'a');
  const job = { dataFolder: '/nowhere', project: 'p', logId: '0'.repeat(32) };
  const other = (await running.run({ kind: 'scrub', job }, NEVER)) as unknown as Answer;
  assert.notEqual(other.thread, (await shared).thread);
  await running.close();
});

test('a thread that ends fails all tasks that wait in it, and is replaced', async () => {
  const running = threads(1);
  const outcomes = await Promise.allSettled(['a', 'end', 'b', 'c'].map((name) => run(running, name)));
  assert.equal(outcomes[0]?.status, 'fulfilled');
  for (const outcome of outcomes.slice(1)) assert.match(String((outcome as PromiseRejectedResult).reason), /ended with code 3/);
  assert.equal((await run(running, 'd')).name, 'd');
  await running.close();
});

test('a task that follows at once on the end of a thread gets another one', async () => {
  const running = threads(1);
  const again = run(running, 'end').catch(() => run(running, 'a'));
  const others = ['b', 'c'].map((name) => run(running, name).catch(() => run(running, name)));
  const answers = await Promise.all([again, ...others]);
  assert.deepEqual(answers.map(({ name }) => name), ['a', 'b', 'c']);
  await running.close();
});

test('a failed task ends its thread, and those that wait in it fail or were answered', async () => {
  const running = threads(1);
  const outcomes = await Promise.allSettled(['a', 'bad', 'b'].map((name) => run(running, name)));
  assert.deepEqual(outcomes.slice(0, 2).map(({ status }) => status), ['fulfilled', 'rejected']);
  const [first] = outcomes;
  assert.ok(first?.status === 'fulfilled');
  assert.notEqual((await run(running, 'c')).thread, first.value.thread);
  await running.close();
});

test('a signal ends the thread of its task', async () => {
  const running = threads(1);
  const abort = new AbortController();
  const aborted = assert.rejects(run(running, 'a', abort.signal), /enough/);
  abort.abort(new Error('enough'));
  await aborted;
  assert.equal((await run(running, 'b')).name, 'b');
  await running.close();
});

test.run();
