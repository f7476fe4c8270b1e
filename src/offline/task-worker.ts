/**
 * What runs in a worker thread: one piece of work, one answer, and the thread is over. It prints nothing and reads nothing.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../base/invariant.js';
import { NodeDisk } from '../disk/node-disk.js';
import { runTask } from './run-task.js';
import { failureOf, type TaskFailure } from './task-failure.js';
import type { Task, TaskResult } from './tasks.js';

/** The one message that a worker sends. */
export type WorkerAnswer =
  | { readonly kind: 'result'; readonly result: TaskResult }
  | { readonly kind: 'failure'; readonly failure: TaskFailure };

async function answer(task: Task): Promise<WorkerAnswer> {
  try {
    return { kind: 'result', result: await runTask(task, new NodeDisk()) };
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) };
  }
}

const port = parentPort;
invariant(port !== null, 'this module runs in a worker thread');
// The thread was made with it, by this program.
port.postMessage(await answer(workerData as Task));
