/**
 * Reports on the data of projects in memory: it begins empty with the process and ends with it.
 */
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectTable } from '../store/project-table.js';
import type { ProjectResources } from './project-resources.js';

type Resources = Pick<ProjectResources, 'table' | 'logger'>;

/** Reports at startup the projects that begin empty because their data ended with the last shutdown. */
export function reportEmptyProjects({ table, logger }: Resources): void {
  const projects = inMemory(table).filter(({ values }) => values.count === 0).map(({ id }) => id);
  if (projects.length > 0) logger.info({ projects }, 'projects in memory begin empty; data written to them ends with this process');
}

/** Warns at shutdown of the data that ends with the process. */
export function warnOfLostKeys({ table, logger }: Resources): void {
  const projects = inMemory(table).filter(({ values }) => values.count > 0).map(({ id, values }) => ({ id, keys: values.count }));
  if (projects.length === 0) return;
  const keys = projects.reduce((sum, project) => sum + project.keys, 0);
  logger.warn({ projects, keys }, `${keys} keys of projects in memory end with this process`);
}

function inMemory(table: ProjectTable): readonly ProjectStore[] {
  return table.list().flatMap((project) => (project.kind === 'served' && !project.store.isOnDisk ? [project.store] : []));
}
