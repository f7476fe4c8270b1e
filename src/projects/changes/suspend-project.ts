/**
 * Takes a project out of service while the server runs. If it is unknown whether a line of the registry that decides about the project's
 * files is on disk, the next startup may act on that line, and everything acknowledged until then would be lost with the files. So the
 * project accepts no more writes.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import type { Logger } from '../../base/logger.js';
import type { ProjectStore } from '../../store/project-store.js';
import type { ProjectTable } from '../../store/project-table.js';

/**
 * Stops serving a project until the server restarts: refuses its queued commands and closes its log. The caller has already ended all
 * background work on its files.
 *
 * @param store held by the caller, so that no command runs in between
 */
export async function suspendProject(table: ProjectTable, logger: Logger, store: ProjectStore, reason: string): Promise<void> {
  const { id, settings } = store;
  table.refuse({ id, code: 'project_corrupt', reason, settings });
  logger.error({ project: id }, `the project is no longer served: ${reason}`);
  await retire(logger, store, new AppError('project_corrupt', `Cannot serve the project "${id}" any longer: ${reason}`));
}

/**
 * Makes a project read-only until the server restarts. All of its values are in memory already.
 *
 * @param store held by the caller, so that no command runs in between
 */
export async function suspendWrites(logger: Logger, store: ProjectStore, reason: string): Promise<void> {
  logger.error({ project: store.id }, `the project accepts no more writes: ${reason}`);
  await retire(logger, store, new AppError('log_failed', `Cannot take the change: ${reason}`));
}

/** Whether an error leaves open if a line is on disk. */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof AppError && error.code === 'outcome_unknown';
}

async function retire(logger: Logger, store: ProjectStore, reason: AppError): Promise<void> {
  const message = 'the log of a suspended project could not be closed';
  await store.retire(reason).catch(logFailure(logger, 'warn', { project: store.id }, message));
}
