/**
 * Deletes a project. The line in the registry is the commit: the next startup completes a deletion that a crash interrupted after it.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { findEntry, removeEntry } from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';
import { finishApplied } from './failed-change.js';
import { isOutcomeUnknown, suspendProject } from './suspend-project.js';

/**
 * Deletes a project and its data.
 *
 * @param id a valid project id
 * @throws {AppError} `project_not_found`, `server_log_corrupt`, `config_write_failed`; `project_files_exist` if files under its name are
 *   not the server's: then nothing has changed
 */
export async function deleteProject(services: ProjectServices, id: string, context: CommandContext): Promise<void> {
  const { table, registry, config, keyring, maintenance, logger } = services;
  registry.requireWritable();
  const found = table.get(id);
  if (found === undefined && ((await finishDeletion(services, id)) || (await finishLeaving(services, id)))) return;
  const served = found?.kind === 'served' ? found.store : undefined;
  const logId = await logToDelete(services, id, served);
  if (found === undefined && logId === undefined && findEntry(config.document, id) === undefined) {
    throw new AppError('project_not_found', `Cannot find the project "${id}"`);
  }
  if (logId !== undefined) await refuseOtherFiles(services, id, logId);
  const release = await served?.hold();
  try {
    const position = { last_seq: served?.seq ?? 0, last_hash: served?.hash ?? '' };
    // The commit of the deletion: startup completes what a crash leaves undone after it.
    if (logId !== undefined) await registry.record({ op: 'project.deleted', id, log_id: logId, ...position }, context);
    else await removeEntry(config, id);
  } catch (error) {
    if (served !== undefined && isOutcomeUnknown(error)) {
      await maintenance.release(id);
      await suspendProject(table, logger, served, 'its deletion may or may not have been recorded; the next startup knows');
    }
    release?.();
    throw error;
  }
  table.remove(id);
  keyring.removeProject(id);
  const notClosed = 'the log of a deleted project could not be closed';
  await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
    () => maintenance.release(id),
    async () => served?.retire().catch(logFailure(logger, 'warn', { project: id }, notClosed)),
    () => removeEntry(config, id),
    async () => logId && await maintenance.unmoved.remove(id, logId),
    // The files that a project in memory left on disk earlier: the name is free only once they have moved.
    () => maintenance.unmoved.finishLeaving(id),
  ]);
}

/** Moves the files that a deleted project in memory had left on disk and that could not be moved earlier. */
async function finishLeaving({ maintenance }: ProjectServices, id: string): Promise<boolean> {
  let isMoved = false;
  await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
    async () => (isMoved = await maintenance.unmoved.finishLeaving(id)),
  ]);
  return isMoved;
}

/** Completes a recorded deletion whose files or entry could not be removed earlier. */
async function finishDeletion(services: ProjectServices, id: string): Promise<boolean> {
  const { config, diskHome, registry, maintenance: { unmoved } } = services;
  const registration = registry.registrations.get(id);
  if (registration?.state !== 'deleted') return false;
  const { logId } = registration;
  const { owner } = await diskHome.examine(id);
  if ((await diskHome.namesOf(id)).length === 0) unmoved.forget(id);
  const hasFiles = owner.kind === 'log' && owner.logId === logId;
  if (hasFiles) await refuseOtherFiles(services, id, logId);
  const hasEntry = findEntry(config.document, id) !== undefined;
  await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
    async () => hasFiles && await unmoved.remove(id, logId),
    async () => hasEntry && await removeEntry(config, id),
  ]);
  return hasFiles || hasEntry;
}

/** The log whose deletion is recorded; undefined for a project without one on disk. */
async function logToDelete(
  { diskHome, table, registry }: ProjectServices, id: string, served: ProjectStore | undefined,
): Promise<string | undefined> {
  if (served !== undefined) return served.isOnDisk ? served.logId : undefined;
  const registration = registry.registrations.get(id);
  if (registration?.state === 'live') return registration.logId;
  if (table.get(id) === undefined) return undefined;
  const files = await diskHome.namesOf(id);
  if (files.length === 0) return undefined;
  // A refused project that was never registered: the name alone does not prove that the files are its own.
  const { owner } = await diskHome.examine(id);
  if (owner.kind === 'log') return owner.logId;
  throw filesExist(id, 'nothing proves that the files of that name are its own', files);
}

/** Before anything is recorded: a deletion erases only files that this server wrote for that log. */
async function refuseOtherFiles({ diskHome }: ProjectServices, id: string, logId: string): Promise<void> {
  const { owner, foreignNames } = await diskHome.examine(id);
  if (foreignNames.length > 0) throw filesExist(id, 'under its name are files that this server did not write', foreignNames);
  const isOther = owner.kind === 'another project' || (owner.kind === 'log' && owner.logId !== logId);
  if (isOther) throw filesExist(id, 'the files of that name belong to another log', await diskHome.namesOf(id));
}

function filesExist(id: string, why: string, files: readonly string[]): AppError {
  const advice = 'nothing was changed; move these files out of the data folder and delete it again';
  return new AppError('project_files_exist', `Cannot delete the project "${id}": ${why}; ${advice}`, { facts: { files } });
}
