/**
 * Which projects a data folder has, by the registry and by the files in it.
 */
import { join } from 'node:path';
import { isErrno } from '../base/app-error.js';
import type { Disk } from '../disk/disk.js';
import { isProjectId } from '../events/project-id.js';
import { sealedSegmentsIn } from '../log/file/log-paths.js';
import { Registrations } from '../projections/registrations.js';
import { readRegistry, REGISTRY } from './registry.js';

/** The projects of a data folder. */
export interface KnownProjects {
  /** Ids, sorted. */
  readonly ids: readonly string[];
  /** Whether the registry, or a part of it, exists. */
  readonly hasRegistry: boolean;
  /** What the registry records, up to its first damage. */
  readonly registrations: Registrations;
}

const LOG_SUFFIX = '.jsonl';

/**
 * Lists the projects that have an active segment in a data folder. The registry is not one of them.
 *
 * @param dataFolder the data folder, absolute
 * @returns their ids, sorted
 */
export async function listProjects(disk: Disk, dataFolder: string): Promise<readonly string[]> {
  const names = (await disk.list(dataFolder)).filter((name) => name.endsWith(LOG_SUFFIX));
  return names.map((name) => name.slice(0, -LOG_SUFFIX.length)).filter(isProjectId).sort();
}

/**
 * Finds every project that is registered as live or has log files in a data folder.
 *
 * @param dataFolder the data folder, absolute
 */
export async function findKnownProjects(disk: Disk, dataFolder: string, signal?: AbortSignal): Promise<KnownProjects> {
  const names = await disk.list(dataFolder);
  const { registrations } = await readRegistry(disk, dataFolder, { signal });
  const ids = new Set([...registrations.liveIds, ...(await listProjects(disk, dataFolder))]);
  for (const name of names.filter((id) => isProjectId(id) && !ids.has(id))) {
    // A log that lost its active segment still has its sealed ones.
    const isFolder = (await disk.status(join(dataFolder, name)))?.isFolder === true;
    if (isFolder && sealedSegmentsIn(await disk.list(join(dataFolder, name))).length > 0) ids.add(name);
  }
  return { ids: [...ids].sort(), hasRegistry: names.includes(REGISTRY) || names.includes(`${REGISTRY}.jsonl`), registrations };
}

/**
 * Finds the projects to serve from a data folder whose configuration is missing: those that the registry calls live, and those that have a
 * log and that the registry does not know.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns their ids, sorted; none that was deleted or moved to memory
 */
async function findLiveProjects(disk: Disk, dataFolder: string): Promise<readonly string[]> {
  if (!(await exists(disk, dataFolder))) return [];
  const registrations = await registrationsOrNone(disk, dataFolder);
  const unregistered = (await listProjects(disk, dataFolder)).filter((id) => registrations.get(id) === undefined);
  return [...new Set([...registrations.liveIds, ...unregistered])].sort();
}

/**
 * Finds live projects when none of the configured ones belongs to the data folder: the configuration is that of another folder. Reads the
 * registry, which may be long, only if no configured project has a log there.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns the ids that the registry calls live, up to its first damage; none if a configured project is live, has a log in the folder, or
 *   is registered as moved to memory
 */
async function findForeignProjects(disk: Disk, dataFolder: string, configured: readonly string[]): Promise<readonly string[]> {
  if (!(await hasRegistry(disk, dataFolder))) return [];
  const logs = new Set(await listProjects(disk, dataFolder));
  if (configured.some((id) => logs.has(id))) return [];
  const registrations = await registrationsOrNone(disk, dataFolder);
  const isKnown = (id: string): boolean => ['live', 'left'].includes(registrations.get(id)?.state ?? '');
  return configured.some(isKnown) ? [] : [...registrations.liveIds].sort();
}

/**
 * Tells whether a server has ever served a data folder.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns true if the registry, or a part of it, exists
 */
async function hasRegistry(disk: Disk, dataFolder: string): Promise<boolean> {
  for (const name of [`${REGISTRY}.jsonl`, REGISTRY]) {
    if (await exists(disk, join(dataFolder, name))) return true;
  }
  return false;
}

/** An inaccessible folder counts as absent here: taking its lock fails with the reason. */
async function exists(disk: Disk, path: string): Promise<boolean> {
  try {
    return (await disk.status(path)) !== undefined;
  } catch (error) {
    if (isErrno(error)) return false;
    throw error;
  }
}

/** An unreadable registry counts as empty here: opening it on startup reports the reason. */
async function registrationsOrNone(disk: Disk, dataFolder: string): Promise<Registrations> {
  try {
    return (await readRegistry(disk, dataFolder)).registrations;
  } catch {
    return new Registrations();
  }
}

/** What a start asks of a data folder, which it does not know before it has read the configuration. */
interface FolderQuestions {
  readonly findProjects: (dataFolder: string) => Promise<readonly string[]>;
  readonly findForeign: (dataFolder: string, configured: readonly string[]) => Promise<readonly string[]>;
  readonly hasRegistry: (dataFolder: string) => Promise<boolean>;
}

/** Returns the questions, asked of a disk. */
export function folderQuestions(disk: Disk): FolderQuestions {
  return {
    findProjects: (dataFolder) => findLiveProjects(disk, dataFolder),
    findForeign: (dataFolder, configured) => findForeignProjects(disk, dataFolder, configured),
    hasRegistry: (dataFolder) => hasRegistry(disk, dataFolder),
  };
}
