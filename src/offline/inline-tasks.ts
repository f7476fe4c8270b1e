/**
 * Work on files in the thread that asks for it, on a disk that can be chosen: for tests, and for programs that have nothing
 * else to do meanwhile. Behaves like `worker-tasks.ts` in all else.
 */
import type { Disk } from '../disk/disk.js';
import { NodeDisk } from '../disk/node-disk.js';
import { runTask } from './run-task.js';
import { errorOf, failureOf } from './task-failure.js';
import { TaskRunner } from './task-runner.js';

/** Carries out work on files here and now. */
export class InlineTasks extends TaskRunner {
  /** @param disk the disk that the files are on; absent: the real one */
  constructor(disk: Disk = new NodeDisk()) {
    super(async (task, signal) => {
      try {
        return await runTask(task, disk, signal);
      } catch (error) {
        signal.throwIfAborted();
        // As from another thread, so that nobody comes to depend on the class of an error.
        throw errorOf(failureOf(error));
      }
    });
  }
}
