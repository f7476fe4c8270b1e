/**
 * Which projects lie in a data folder, for a start whose configuration is missing or may be that of another folder.
 */
import { join } from 'node:path';
import { isErrno } from '../base/app-error.js';
import type { Disk } from '../disk/disk.js';
import { Registrations } from '../projections/registrations.js';
import { listProjects } from './project-lines.js';
import { readRegistrations, SERVER_LOG } from './server-registrations.js';

/**
 * Finds the projects that the registry calls live, and those whose log is there although the registry does not know them.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns their ids, sorted; none that was deleted or left the disk
 */
export async function findProjects(disk: Disk, dataFolder: string): Promise<readonly string[]> {
  if (!(await isThere(disk, dataFolder))) return [];
  const registrations = await readOrNone(disk, dataFolder);
  const files = (await listProjects(disk, dataFolder)).filter((id) => registrations.get(id) === undefined);
  return [...new Set([...registrations.liveIds, ...files])].sort();
}

/**
 * Finds the projects of a data folder that a configuration knows nothing of: it is that of another folder. The registry, which may be
 * long, is read only where no log of the configuration's projects is there.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns the ids that the registry calls live, up to its first damage; none where one of the configured projects is among them, or
 *   its log is there, or the registry knows that it left the disk
 */
export async function findForeignProjects(disk: Disk, dataFolder: string, configured: readonly string[]): Promise<readonly string[]> {
  if (!(await hasRegistry(disk, dataFolder))) return [];
  const logs = new Set(await listProjects(disk, dataFolder));
  if (configured.some((id) => logs.has(id))) return [];
  const registrations = await readOrNone(disk, dataFolder);
  const isKnown = (id: string): boolean => ['live', 'left'].includes(registrations.get(id)?.state ?? '');
  return configured.some(isKnown) ? [] : [...registrations.liveIds].sort();
}

/**
 * Tells whether a server has ever served a data folder.
 *
 * @param dataFolder the data folder, absolute; it may be missing
 * @returns true when the registry, or anything of it, is there
 */
export async function hasRegistry(disk: Disk, dataFolder: string): Promise<boolean> {
  for (const name of [`${SERVER_LOG}.jsonl`, SERVER_LOG]) {
    if (await isThere(disk, join(dataFolder, name))) return true;
  }
  return false;
}

/** A folder that cannot be looked into is refused when its lock is taken. */
async function isThere(disk: Disk, path: string): Promise<boolean> {
  try {
    return (await disk.status(path)) !== undefined;
  } catch (error) {
    if (isErrno(error)) return false;
    throw error;
  }
}

/** What cannot be read is named when the server opens it; the files speak for themselves. */
async function readOrNone(disk: Disk, dataFolder: string): Promise<Registrations> {
  try {
    return (await readRegistrations(disk, dataFolder)).registrations;
  } catch {
    return new Registrations();
  }
}
