/**
 * Deleting a project: the line in the registry is the commit; what a crash leaves undone after it, the next start does.
 */
import { AppError } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { finishApplied } from './failed-change.js';
import { findEntry, removeEntry } from './project-entries.js';
import type { ProjectResources } from './project-resources.js';
import type { StartedProjects } from './start-projects.js';
import { isOutcomeUnknown, suspendProject } from './suspension.js';

/** Deletes projects; one at a time, and not beside other changes. */
export class ProjectDeletion {
  readonly #resources: ProjectResources;
  readonly #started: StartedProjects;

  constructor(resources: ProjectResources, started: StartedProjects) {
    this.#resources = resources;
    this.#started = started;
  }

  /**
   * Deletes a project and its data.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`, `server_log_corrupt`, `config_write_failed`; `project_files_exist` when files under its name
   *   are not the server's, after which everything is as it was
   */
  async delete(id: string, context: CommandContext): Promise<void> {
    const { registry, config, keyring } = this.#resources;
    this.#started.journal.requireWritable();
    const found = registry.get(id);
    if (found === undefined && ((await this.#finishDeletion(id)) || (await this.#finishLeaving(id)))) return;
    const served = found?.kind === 'served' ? found.store : undefined;
    const logId = await this.#logToDelete(id, served);
    if (found === undefined && logId === undefined && findEntry(config.document, id) === undefined) {
      throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    }
    if (logId !== undefined) await this.#refuseOtherFiles(id, logId);
    const release = await served?.hold();
    try {
      const position = { last_seq: served?.seq ?? 0, last_hash: served?.hash ?? '' };
      // This line is the commit of the deletion: what a crash leaves undone after it, the next start does.
      if (logId !== undefined) await this.#started.journal.record({ op: 'project.deleted', id, log_id: logId, ...position }, context);
      else await removeEntry(config, id);
    } catch (error) {
      if (served !== undefined && isOutcomeUnknown(error)) await this.#suspend(served);
      release?.();
      throw error;
    }
    registry.remove(id);
    keyring.removeProject(id);
    await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
      () => this.#started.maintenance.release(id),
      async () => served && await this.#retire(served),
      () => removeEntry(config, id),
      async () => logId && await this.#started.maintenance.unmoved.remove(id, logId),
      // Of a project that is in memory now: its name is free for another one only when they have moved.
      () => this.#started.maintenance.unmoved.finishLeaving(id),
    ]);
  }

  /** Of a project in memory that is deleted already, and whose files from when it was on disk could not be moved then. */
  async #finishLeaving(id: string): Promise<boolean> {
    let isMoved = false;
    await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
      async () => (isMoved = await this.#started.maintenance.unmoved.finishLeaving(id)),
    ]);
    return isMoved;
  }

  /** Finishes a deletion that is recorded, where files or entry could not be removed then. */
  async #finishDeletion(id: string): Promise<boolean> {
    const { config, diskHome } = this.#resources;
    const registration = this.#started.journal.registrations.get(id);
    if (registration?.state !== 'deleted') return false;
    const { logId } = registration;
    const { owner } = await diskHome.examine(id);
    if ((await diskHome.namesOf(id)).length === 0) this.#started.maintenance.unmoved.forget(id);
    const hasFiles = owner.kind === 'log' && owner.logId === logId;
    if (hasFiles) await this.#refuseOtherFiles(id, logId);
    const hasEntry = findEntry(config.document, id) !== undefined;
    await finishApplied(`Cannot finish the deletion of the project "${id}"`, [
      async () => hasFiles && await this.#started.maintenance.unmoved.remove(id, logId),
      async () => hasEntry && await removeEntry(config, id),
    ]);
    return hasFiles || hasEntry;
  }

  async #suspend(store: ProjectStore): Promise<void> {
    await this.#started.maintenance.release(store.id);
    await suspendProject(this.#resources, store, 'its deletion may or may not have been recorded; the next start knows');
  }

  /** A log that cannot be closed well must not keep its project from being deleted. */
  async #retire(store: ProjectStore): Promise<void> {
    const message = 'the log of a deleted project could not be closed';
    await store.retire().catch(logFailure(this.#resources.logger, 'warn', { project: store.id }, message));
  }

  /** The log whose deletion is to be recorded; undefined for a project without one on disk. */
  async #logToDelete(id: string, served: ProjectStore | undefined): Promise<string | undefined> {
    const { diskHome, registry } = this.#resources;
    if (served !== undefined) return served.isOnDisk ? served.logId : undefined;
    const registration = this.#started.journal.registrations.get(id);
    if (registration?.state === 'live') return registration.logId;
    if (registry.get(id) === undefined) return undefined;
    const files = await diskHome.namesOf(id);
    if (files.length === 0) return undefined;
    // A refused project that was never registered: its name alone does not make files of that name its own.
    const { owner } = await diskHome.examine(id);
    if (owner.kind === 'log') return owner.logId;
    throw filesExist(id, 'nothing proves that the files of that name are its own', files);
  }

  /** Before anything is recorded: what a deletion erases must be what this server wrote for that log, and nothing else. */
  async #refuseOtherFiles(id: string, logId: string): Promise<void> {
    const { diskHome } = this.#resources;
    const { owner, foreignNames } = await diskHome.examine(id);
    if (foreignNames.length > 0) throw filesExist(id, 'under its name lies what this server did not write', foreignNames);
    const isOther = owner.kind === 'another project' || (owner.kind === 'log' && owner.logId !== logId);
    if (isOther) throw filesExist(id, 'the files of that name are those of another log', await diskHome.namesOf(id));
  }
}

function filesExist(id: string, why: string, files: readonly string[]): AppError {
  const advice = 'nothing was changed; move these files out of the data folder and delete it again';
  return new AppError('project_files_exist', `Cannot delete the project "${id}": ${why}; ${advice}`, { facts: { files } });
}
