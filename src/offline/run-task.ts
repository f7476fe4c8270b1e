/**
 * Carries out one piece of work on the disk that it is given, in whichever thread it is called.
 */
import type { Disk } from '../disk/disk.js';
import { buildGeneration } from './build-generation.js';
import { checkSegment } from './check-segment.js';
import { scrub } from './scrub.js';
import type { Task, TaskResult } from './tasks.js';

/**
 * Carries out a piece of work.
 *
 * @param task what is to be done
 * @param disk the disk that the files are on
 * @param signal ends it, throwing its reason
 * @returns what the work gives
 */
export async function runTask(task: Task, disk: Disk, signal?: AbortSignal): Promise<TaskResult> {
  const place = { disk, signal };
  switch (task.kind) {
    case 'build': return await buildGeneration(task.job, place);
    case 'scrub': return await scrub(task.job, place);
    case 'check': return await checkSegment(task.job, place);
  }
}
