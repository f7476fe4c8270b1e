/**
 * Work on files in the thread that asks for it, on a disk that can be chosen. Behaves like `WorkerTasks` in all else.
 */
import type { Disk } from '../../../src/disk/disk.js';
import { NodeDisk } from '../../../src/disk/node-disk.js';
import { runTask } from '../../../src/offline/tasks/task-worker.js';
import { errorOf, failureOf } from '../../../src/offline/tasks/tasks.js';
import { TaskRunner } from '../../../src/offline/tasks/worker-tasks.js';

/** Runs tasks on files in this thread. */
export class InlineTasks extends TaskRunner {
  /** @param disk the disk that the files are on; absent: the real one */
  constructor(disk: Disk = new NodeDisk()) {
    super(async (task, signal) => {
      try {
        return await runTask(task, disk, signal);
      } catch (error) {
        signal.throwIfAborted();
        // As from another thread, so that no test comes to depend on the class of an error.
        throw errorOf(failureOf(error));
      }
    });
  }
}
