/**
 * The worker thread: carries out one task at a time and answers each once. It has no output and no other input. It gives way to the thread
 * that answers requests.
 */
import { constants, platform, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Disk } from '../../disk/disk.js';
import { NodeDisk } from '../../disk/node-disk.js';
import { checkLines } from '../../log/file/segment/checked-lines.js';
import { checkEntries } from '../../projections/snapshot/checked-entries.js';
import { buildGeneration } from './build-generation.js';
import { buildPast } from './build-past.js';
import { checkSegment, checkSnapshot, scrub } from './scrub.js';
import { failureOf, memoryOfAnswer, type Task, type TaskResult, type WorkerAnswer } from './tasks.js';

/** Carries out a task. */
export async function runTask(task: Task, disk: Disk, signal?: AbortSignal): Promise<TaskResult> {
  switch (task.kind) {
    case 'build': return await buildGeneration(task.job, disk, signal);
    case 'past': return await buildPast(task.job, disk, signal);
    case 'scrub': return await scrub(task.job, disk, signal);
    case 'check': return await checkSegment(task.job, disk, signal);
    case 'verify': return await checkSnapshot(task.job, disk, signal);
    case 'lines': return checkLines(task.job);
    case 'entries': return checkEntries(task.job);
  }
}

async function answer(task: Task): Promise<WorkerAnswer> {
  try {
    return { kind: 'result', result: await runTask(task, NodeDisk.blocking()) };
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) };
  }
}

/**
 * Lowers the priority of this thread. On Linux, process 0 means the thread that makes the call; elsewhere it means the whole process,
 * which must keep its priority.
 *
 * Not to the lowest: on a busy machine this thread would then stand still for a long time, also while it holds a lock of the kernel on the
 * memory of the process, for which every other thread waits.
 */
function giveWay(): void {
  if (platform() !== 'linux') return;
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may refuse it. Tasks then compete with requests as equals.
  }
}

if (parentPort !== null) giveWay();
// `parentPort` is null outside a worker thread. Only this program sends tasks, each after the answer to the one before.
parentPort?.on('message', (task: Task) => void answer(task).then((given) => parentPort?.postMessage(given, memoryOfAnswer(given))));
