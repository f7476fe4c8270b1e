/**
 * Which projects a data folder knows: those that the registry says are on disk, and those whose logs lie there.
 */
import { join } from 'node:path';
import type { Disk } from '../disk/disk.js';
import { isProjectId } from '../events/project-id.js';
import type { Registrations } from '../projections/registrations.js';
import { listProjects } from './project-lines.js';
import { readRegistrations, SERVER_LOG } from './server-registrations.js';

/** What a data folder knows. */
export interface KnownProjects {
  /** Ids, sorted. */
  readonly ids: readonly string[];
  /** Whether the registry, or a part of it, is there. */
  readonly hasRegistry: boolean;
  /** What the registry says, up to its first damage. */
  readonly registrations: Registrations;
}

/** What only a log that has been written to leaves in a project's folder. */
const SEALED_SEGMENT = /^\d{20}\.jsonl(?:\.gz)?$/;

/**
 * Looks which projects a data folder knows.
 *
 * @param dataFolder the data folder, absolute
 */
export async function findProjects(disk: Disk, dataFolder: string, signal?: AbortSignal): Promise<KnownProjects> {
  const names = await disk.list(dataFolder);
  const { registrations } = await readRegistrations(disk, dataFolder, { signal });
  const ids = new Set([...registrations.liveIds, ...(await listProjects(disk, dataFolder))]);
  for (const name of names.filter((id) => isProjectId(id) && !ids.has(id))) {
    // A log whose active segment is gone still has its sealed ones.
    const isFolder = (await disk.status(join(dataFolder, name)))?.isFolder === true;
    if (isFolder && (await disk.list(join(dataFolder, name))).some((file) => SEALED_SEGMENT.test(file))) ids.add(name);
  }
  return { ids: [...ids].sort(), hasRegistry: names.includes(SERVER_LOG) || names.includes(`${SERVER_LOG}.jsonl`), registrations };
}
