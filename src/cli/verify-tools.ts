/**
 * What a command needs to verify files: a folder to rebuild states in, and threads that check lines while it reads on, which is mostly
 * hashing.
 */
import { WorkerTasks } from '../offline/tasks/worker-tasks.js';
import type { VerifyOptions } from '../offline/verify/verify-project.js';
import { withScratchFolder } from './scratch-folder.js';

/**
 * Calls `work` with the tools, and releases them afterwards.
 *
 * @throws as {@link withScratchFolder}
 */
export async function withVerifyTools<T>(work: (tools: Pick<VerifyOptions, 'scratchFolder' | 'checker'>) => Promise<T>): Promise<T> {
  return await withScratchFolder(async (scratchFolder) => {
    const tasks = new WorkerTasks();
    try {
      return await work({ scratchFolder, checker: tasks });
    } finally {
      await tasks.close();
    }
  });
}
