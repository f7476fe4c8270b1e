/**
 * What runs in a worker thread: it answers each piece of work once. It prints nothing and reads nothing.
 */
import { parentPort } from 'node:worker_threads';
import { invariant } from '../base/invariant.js';
import { NodeDisk } from '../disk/node-disk.js';
import { runTask } from './run-task.js';
import { failureOf, type TaskFailure } from './task-failure.js';
import type { Task, TaskResult } from './tasks.js';

/** What a worker says of a piece of work. */
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
// Only this program sends anything, and only when the piece before has been answered.
port.on('message', (task: Task) => void answer(task).then((said) => port.postMessage(said)));
