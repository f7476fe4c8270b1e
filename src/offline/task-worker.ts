/**
 * What runs in a worker thread: it answers each piece of work once. It prints nothing and reads nothing.
 */
import { parentPort } from 'node:worker_threads';
import type { Disk } from '../disk/disk.js';
import { NodeDisk } from '../disk/node-disk.js';
import { buildGeneration } from './build-generation.js';
import { checkSegment } from './check-segment.js';
import { scrub } from './scrub.js';
import { failureOf, type Task, type TaskResult, type WorkerAnswer } from './tasks.js';

/** Carries out a piece of work. */
export async function runTask(task: Task, disk: Disk, signal?: AbortSignal): Promise<TaskResult> {
  const place = { disk, signal };
  switch (task.kind) {
    case 'build': return await buildGeneration(task.job, place);
    case 'scrub': return await scrub(task.job, place);
    case 'check': return await checkSegment(task.job, place);
  }
}

async function answer(task: Task): Promise<WorkerAnswer> {
  try {
    return { kind: 'result', result: await runTask(task, new NodeDisk()) };
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) };
  }
}

// Null where the work is carried out in the thread that asks for it. Only this program sends anything, and only when the piece before
// has been answered.
parentPort?.on('message', (task: Task) => void answer(task).then((said) => parentPort?.postMessage(said)));
