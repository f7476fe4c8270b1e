/**
 * What became of the logs that projects no longer have, according to the registry.
 */
import type { Disk } from '../disk/disk.js';
import { LEFT_FOLDER } from '../log/file/log-paths.js';
import { readRegistry } from './registry.js';
import { REPAIRED_FILES } from './replay/older-logs.js';

/** How a log ended. */
export interface LogFate {
  readonly project: string;
  /** With its project; with a move to memory; or replaced by a repair. */
  readonly end: 'deleted' | 'left' | 'repaired';
  /** When that was recorded, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Where its files were put, relative to the data folder; undefined if they were erased. */
  readonly folder: string | undefined;
}

/**
 * Reads the registry, up to its first damage.
 *
 * @param dataFolder the data folder, absolute
 * @returns by log id
 */
export async function readLogFates(disk: Disk, dataFolder: string, signal?: AbortSignal): Promise<ReadonlyMap<string, LogFate>> {
  const fates = new Map<string, LogFate>();
  await readRegistry(disk, dataFolder, {
    signal,
    onApplied: ({ event, timeMs }) => {
      if (event.op === 'project.created' || event.op === 'project.repaired') fates.delete(event.log_id);
      if (event.op === 'project.repaired') {
        fates.set(event.previous_log_id, { project: event.id, end: 'repaired', timeMs, folder: `${event.copy}/${REPAIRED_FILES}` });
      }
      if (event.op === 'project.deleted') fates.set(event.log_id, { project: event.id, end: 'deleted', timeMs, folder: undefined });
      if (event.op === 'project.left') {
        fates.set(event.log_id, { project: event.id, end: 'left', timeMs, folder: `${LEFT_FOLDER}/${event.id}-${event.log_id}` });
      }
    },
  });
  return fates;
}
