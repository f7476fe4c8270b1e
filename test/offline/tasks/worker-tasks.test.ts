/** A task in a thread gives the same result as in this one, stops on abort, and never ends the process. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, platform } from 'node:os';
import path from 'node:path';
import type { AnyEvent } from '../../../src/events/event.js';
import { checkLines, type UncheckedLines } from '../../../src/log/file/segment/checked-lines.js';
import type { Task } from '../../../src/offline/tasks/tasks.js';
import { TaskRunner, WorkerTasks } from '../../../src/offline/tasks/worker-tasks.js';
import { withFolder } from '../../disk/temporary-folder.js';
import { suite } from '../../suite.js';
import { InlineTasks } from './inline-tasks.js';
import { CREATE, LOG_ID, set, stateText, writeLog } from '../written-project.js';

const test = suite('offline/tasks/worker-tasks');
const EVENTS: readonly AnyEvent[] = [CREATE, set('a', '1'), set('b', '{"n":1.0}'), set('a', '2')];

/** Puts a log into a folder of the real disk; gives its files as a task takes them. */
function putFiles(dataFolder: string): { readonly dataFolder: string; readonly project: string; readonly logId: string } {
  mkdirSync(path.join(dataFolder, 'p'));
  const { files } = writeLog({ project: 'p', events: EVENTS, sealed: [2] });
  for (const [name, text] of files) writeFileSync(path.join(dataFolder, name), text);
  return { dataFolder, project: 'p', logId: LOG_ID };
}

/** A thread that runs a text instead of the work. */
function running(text: string): WorkerTasks {
  return new WorkerTasks(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
}

const JOB = { dataFolder: '/nowhere', project: 'p', logId: LOG_ID };

/** The priorities of the threads of this process, a higher number being a lower one: `nice` in proc(5). */
function threadPriorities(): readonly number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[17]);
  });
}

if (platform() === 'linux') {
  test('the thread of a task has a lower priority, and every other thread of the process keeps its own', async () => {
    await withFolder(async (folder) => {
      const own = getPriority();
      assert.ok(threadPriorities().every((priority) => priority === own));
      const tasks = new WorkerTasks();
      await tasks.build({ ...putFiles(folder), previousSeq: undefined, toSeq: 4 });
      // The thread waits for another task. The tests themselves may run at that priority.
      assert.deepEqual(threadPriorities().filter((priority) => priority !== own), own === 10 ? [] : [10]);
      await tasks.close();
    });
  });
}

test('a snapshot that a thread builds is the one that is built here', async () => {
  await withFolder(async (folder) => {
    const job = { ...putFiles(folder), previousSeq: undefined, toSeq: 4 };
    const inThread = await new WorkerTasks().build(job);
    assert.equal(readFileSync(path.join(folder, 'p/snap-00000000000000000004.json'), 'utf8'), stateText(EVENTS));
    assert.deepEqual(await new InlineTasks().build(job), inThread);
  });
});

test('an error in a thread arrives with its name, code and facts', async () => {
  await withFolder(async (folder) => {
    const job = { ...putFiles(folder), previousSeq: undefined, toSeq: 9 };
    for (const tasks of [new WorkerTasks(), new InlineTasks()]) {
      await assert.rejects(tasks.build(job), { name: 'LogCorruptError', code: 'project_corrupt', message: /up to seq 9/ });
      await assert.rejects(tasks.build({ ...job, previousSeq: 2, toSeq: 4 }), { name: 'SnapshotCorruptError' });
      const nowhere = { ...job, dataFolder: path.join(folder, 'nowhere') };
      await assert.rejects(tasks.build(nowhere), { name: 'LogCorruptError', message: /no such file/ });
    }
  });
});

test('lines are checked in a thread as they are here, and their memory goes there and comes back', async () => {
  const { files } = writeLog({ project: 'p', events: EVENTS, sealed: [] });
  const text = Buffer.from(files.get('p.jsonl') ?? '');
  const previousHash = /"prev":"([0-9a-f]{64})"/.exec(text.toString())?.[1] ?? '';
  const piece = (): UncheckedLines => ({ bytes: Uint8Array.from(text.subarray(text.indexOf('\n') + 1)), previousHash });
  const tasks = new WorkerTasks();
  const sent = piece();
  const checked = await tasks.checkLines(sent);
  assert.equal(checked.count, EVENTS.length);
  assert.deepEqual(checked, checkLines(piece()));
  assert.equal(sent.bytes.length, 0);
  assert.deepEqual(await new InlineTasks().checkLines(piece()), checked);
  await tasks.close();
});

test('consecutive tasks share a thread, concurrent ones do not', async () => {
  const counting = 'const { parentPort, threadId } = await import("node:worker_threads"); parentPort.on("message", ({ job }) => {'
    + 'setTimeout(() => parentPort.postMessage({ kind: job.project === "bad" ? "failure" : "result", '
    + 'failure: { name: "Error", message: String(threadId) }, '
    + 'result: { findings: [], bytes: threadId } }), 20); });';
  const tasks = running(counting);
  const threadOf = async (): Promise<number> => (await tasks.scrub(JOB)).bytes;
  const first = await threadOf();
  assert.equal(await threadOf(), first);
  const [one, other] = await Promise.all([threadOf(), threadOf()]);
  assert.notEqual(one, other);
  const failed = await tasks.scrub({ ...JOB, project: 'bad' }).then(() => 0, (error: Error) => Number(error.message));
  assert.ok([one, other].includes(failed), 'an idle thread is used');
  const later = await Promise.all([threadOf(), threadOf(), threadOf()]);
  assert.ok(!later.includes(failed), 'a thread in which something failed is not used again');
  await tasks.close();
});

test('a thread that ended while idle is replaced', async () => {
  const brief = 'const { parentPort } = await import("node:worker_threads");'
    + 'parentPort.once("message", () => parentPort.postMessage({ kind: "result", result: { findings: [], bytes: 1 } }));';
  const tasks = running(brief);
  let answered = 0;
  for (let attempt = 0; answered < 3 && attempt < 200; attempt += 1) {
    // A piece that comes while its thread ends fails with it.
    answered += (await tasks.scrub(JOB).catch(() => undefined))?.bytes ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(answered, 3);
  await tasks.close();
});

test('a signal ends a thread that never finishes', async () => {
  const abort = new AbortController();
  const work = running('setInterval(() => {}, 1000); for (;;);').scrub(JOB, abort.signal);
  setTimeout(() => abort.abort(new Error('enough')), 100);
  await assert.rejects(work, /enough/);
});

test('closing ends a thread that never finishes', async () => {
  const tasks = running('for (;;);');
  const work = assert.rejects(tasks.scrub(JOB), { code: 'shutting_down' });
  await tasks.close();
  await work;
});

test('a thread that ends without an answer fails its task', async () => {
  await assert.rejects(running('process.exit(3)').scrub(JOB), /ended with code 3/);
  await assert.rejects(running('').scrub(JOB), /ended with code 0/);
});

test('an uncaught error in a thread fails its task', async () => {
  await assert.rejects(running('setTimeout(() => { throw new RangeError("torn"); })').scrub(JOB), { name: 'RangeError', message: 'torn' });
});

test('a thread that exceeds its memory limit fails its task', async () => {
  const greedy = 'const kept = []; for (;;) kept.push(new Array(1e6).fill(1.5));';
  await assert.rejects(running(greedy).scrub(JOB), /memory/);
});

test('output of a thread is dropped', async () => {
  const loud = 'console.log("x".repeat(1e6)); console.error("y"); const { parentPort } = await import("node:worker_threads");'
    + 'parentPort.postMessage({ kind: "result", result: { findings: [], bytes: 1 } });';
  assert.deepEqual(await running(loud).scrub(JOB), { findings: [], bytes: 1 });
});

const SCRUB_JOB = { dataFolder: '/d', project: 'p', logId: '0'.repeat(32) };
const REPORT = { findings: [], bytes: 3 };

/** Work that only a signal ends. */
async function endless(_task: Task, signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

test('a task gets its job, and its result is returned', async () => {
  const tasks: Task[] = [];
  const runner = new TaskRunner(async (task) => {
    tasks.push(task);
    return REPORT;
  });
  assert.equal(await runner.scrub(SCRUB_JOB), REPORT);
  await runner.build({ ...SCRUB_JOB, previousSeq: undefined, toSeq: 4 });
  assert.deepEqual(tasks.map(({ kind }) => kind), ['scrub', 'build']);
  assert.equal(tasks[0]?.job, SCRUB_JOB);
});

test('a signal aborts one task with its reason, and no other', async () => {
  const runner = new TaskRunner(endless);
  const [one, other] = [new AbortController(), new AbortController()];
  const first = runner.scrub(SCRUB_JOB, one.signal);
  const second = runner.scrub(SCRUB_JOB, other.signal);
  one.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  other.abort(new Error('this too'));
  await assert.rejects(second, /this too/);
});

test('a task with an aborted signal does not start', async () => {
  const runner = new TaskRunner(() => assert.fail('it began'));
  await assert.rejects(runner.scrub(SCRUB_JOB, AbortSignal.abort(new Error('before'))), /before/);
});

test('closing aborts all tasks and waits for them; later tasks are refused', async () => {
  let isOver = false;
  const runner = new TaskRunner(async (task, signal) => {
    try {
      return await endless(task, signal);
    } finally {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isOver = true;
    }
  });
  const work = assert.rejects(runner.scrub(SCRUB_JOB), { code: 'shutting_down' });
  await runner.close();
  assert.ok(isOver, 'the work was over when the runner was closed');
  await work;
  await assert.rejects(runner.scrub(SCRUB_JOB), { code: 'shutting_down' });
});

test.run();
