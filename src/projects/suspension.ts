/**
 * Taking a project out of service while the server runs: where it is not known whether a line of the registry is on disk
 * that decides over the project's files, the next start may carry it out, and with the files would go whatever was acknowledged
 * until then. So nothing more is.
 */
import { AppError } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ProjectResources } from './project-resources.js';

/**
 * Serves a project no more, until the server is started again. What waits in its queue is refused; its log is closed. Whatever works
 * in the background on its files has been ended by the caller.
 *
 * @param store its store; held by the caller, so that nothing gets in between
 */
export async function suspendProject(
  { registry, logger }: Pick<ProjectResources, 'registry' | 'logger'>, store: ProjectStore, reason: string,
): Promise<void> {
  const { id, settings } = store;
  registry.refuse({ id, code: 'project_corrupt', reason, settings });
  logger.error({ project: id }, `the project is not served any more: ${reason}`);
  await retire(logger, store, new AppError('project_corrupt', `Cannot serve the project "${id}" any more: ${reason}`));
}

/**
 * Takes no more changes of a project, until the server is started again; reads go on. Every value is in memory already.
 *
 * @param store its store; held by the caller, so that nothing gets in between
 */
export async function suspendWrites(
  { logger }: Pick<ProjectResources, 'logger'>, store: ProjectStore, reason: string,
): Promise<void> {
  logger.error({ project: store.id }, `the project takes no more writes: ${reason}`);
  await retire(logger, store, new AppError('log_failed', `Cannot take the change: ${reason}`));
}

/**
 * Tells whether an error leaves open if a line is on disk.
 *
 * @returns true when it does
 */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof AppError && error.code === 'outcome_unknown';
}

async function retire(logger: ProjectResources['logger'], store: ProjectStore, reason: AppError): Promise<void> {
  const message = 'the log of a project that is suspended could not be closed';
  await store.retire(reason).catch(logFailure(logger, 'warn', { project: store.id }, message));
}
