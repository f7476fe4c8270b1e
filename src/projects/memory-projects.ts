/**
 * Says what becomes of the data of projects in memory: it begins empty with the process, and ends with it.
 */
import type { Logger } from '../base/logger.js';
import type { ProjectRegistry } from '../store/project-registry.js';
import type { ProjectStore } from '../store/project-store.js';

interface Parts {
  readonly registry: ProjectRegistry;
  readonly logger: Logger;
}

/** Names the projects that begin empty because their data ended with the last stop. */
export function nameEmptyProjects({ registry, logger }: Parts): void {
  const projects = inMemory(registry).filter(({ values }) => values.count === 0).map(({ id }) => id);
  if (projects.length > 0) logger.info({ projects }, 'projects in memory begin empty; what is written to them ends with this process');
}

/** Warns of what a stop takes away. */
export function warnOfLostKeys({ registry, logger }: Parts): void {
  const projects = inMemory(registry).filter(({ values }) => values.count > 0).map(({ id, values }) => ({ id, keys: values.count }));
  if (projects.length === 0) return;
  const keys = projects.reduce((sum, project) => sum + project.keys, 0);
  logger.warn({ projects, keys }, `${keys} keys of projects in memory end with this process`);
}

function inMemory(registry: ProjectRegistry): readonly ProjectStore[] {
  return registry.list().flatMap((project) => (project.kind === 'served' && !project.store.isOnDisk ? [project.store] : []));
}
