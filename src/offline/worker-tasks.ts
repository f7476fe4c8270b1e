/**
 * Work on files in a thread of its own, so that the event loop goes on answering. A thread is made for each piece of work and
 * ends with it: there is nothing to leak, and whatever goes wrong in it, this process only sees a task that failed.
 */
import { Worker } from 'node:worker_threads';
import { errorOf } from './task-failure.js';
import { TaskRunner } from './task-runner.js';
import type { WorkerAnswer } from './task-worker.js';
import type { Task, TaskResult } from './tasks.js';

/** What the thread runs. */
const MODULE_URL = new URL('./task-worker.js', import.meta.url);

/** What a thread may take: beyond it, the task fails and the process goes on. In MiB. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 } as const;

/** Carries out work on files, each piece in a thread of its own. */
export class WorkerTasks extends TaskRunner {
  /** @param module what a thread runs; absent: what does the work */
  constructor(module: URL = MODULE_URL) {
    super((task, signal) => runInThread(module, task, signal));
  }
}

/** Settles when the thread is gone, so that nothing touches the files afterwards. */
async function runInThread(module: URL, task: Task, signal: AbortSignal): Promise<TaskResult> {
  // Its output would be this process's output, which others read; it has none of its own, and what a dependency prints is dropped.
  const worker = new Worker(module, { workerData: task, resourceLimits: RESOURCE_LIMITS, execArgv: [], stdout: true, stderr: true });
  // What nobody takes in would keep the thread from ending.
  for (const output of [worker.stdout, worker.stderr]) output.resume();
  const stop = (): void => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const answer = await answerOf(worker);
    signal.throwIfAborted();
    if (answer.kind === 'failure') throw errorOf(answer.failure);
    return answer.result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function answerOf(worker: Worker): Promise<WorkerAnswer> {
  return await new Promise((resolve) => {
    let answer: WorkerAnswer | undefined;
    worker.once('message', (message: WorkerAnswer) => {
      answer ??= message;
    });
    // Nothing in the thread caught it, or it took more memory than it may.
    worker.once('error', (error: Error) => {
      answer ??= failed(error.name, error.message);
    });
    worker.once('exit', (code) => {
      resolve(answer ?? failed('Error', `Cannot go on with this work: its thread ended with code ${code}`));
    });
  });
}

function failed(name: string, message: string): WorkerAnswer {
  return { kind: 'failure', failure: { name, message, stack: undefined, code: undefined, facts: {} } };
}
