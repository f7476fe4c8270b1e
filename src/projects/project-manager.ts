/**
 * Creates, changes and deletes projects: each change goes to the configuration file, to the log and to the keyring in the order that makes
 * a crash between any two of them read right at the next start (`config/reconcile.ts` has the reasons). One change at a time.
 */
import pLimit from 'p-limit';
import { AppError, withDiskCode } from '../base/app-error.js';
import { logFailure } from '../base/log-failure.js';
import { randomHexId } from '../base/random-id.js';
import { effectiveSettings } from '../config/effective-settings.js';
import { mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../events/project-settings.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { createProject, type OpenedProject } from './open-project.js';
import { ProjectDeletion } from './project-deletion.js';
import { describeProject, describeStore } from './project-details.js';
import { type EntryKey, keyIdOrNull, makeKey, removeEntry, settleRevision, storedKeyOf, writeEntry } from './project-entries.js';
import { warnOfLostKeys } from './memory-projects.js';
import type { MaintenanceState } from './project-maintenance.js';
import { openOptionsOf, type ProjectResources, SNAPSHOTS_AT_STOP_MS } from './project-resources.js';
import { ProjectUpdates } from './project-updates.js';
import type { CompactionResult, NewProject, ProjectDetails, Projects, ProjectWithKey, Readiness } from './projects.js';
import { assessReadiness } from './readiness.js';
import { type StartFacts, StartProgress } from './start-progress.js';
import { type StartedProjects, type StartOptions, startProjects } from './start-projects.js';

/** How the work around the projects stands before there are any. */
const NOTHING_KEPT: MaintenanceState = { compactionsFailing: 0, readableFailing: 0, scrubsDamaged: 0, filesUnmoved: 0 };

/** Carries out changes to projects. */
export class ProjectManager implements Projects {
  readonly #resources: ProjectResources;
  /** Undefined until the start is over. */
  #startedProjects: StartedProjects | undefined;
  readonly #one = pLimit(1);
  readonly #progress: StartProgress;
  /** True once nothing may be changed any more: the folder may belong to another server. */
  #isClosed = false;

  /** @param resources what projects are made of */
  constructor(resources: ProjectResources) {
    this.#resources = resources;
    this.#progress = new StartProgress(() => resources.config.document.projects.length, resources);
  }

  /**
   * Opens every project of the configuration. Until this resolves there is nothing to read or to change.
   *
   * @param options what ends the start, between any two lines of a log; which projects get an entry first
   * @throws {ConfigError} when the data folder is not the one that the configuration speaks of
   */
  async start(options: Omit<StartOptions, 'progress'> = {}): Promise<void> {
    const progress = this.#progress;
    this.#startedProjects = await progress.during(() => startProjects(this.#resources, { progress, ...options }));
  }

  /** Carries out what is under way, makes the snapshots that are due, closes every log and the registry. */
  async close(): Promise<void> {
    await this.#one(async () => {
      this.#isClosed = true;
      const { registry, diskHome, tasks, snapshotsAtStopMs = SNAPSHOTS_AT_STOP_MS } = this.#resources;
      await this.#startedProjects?.maintenance.close(snapshotsAtStopMs);
      await tasks.close();
      warnOfLostKeys(this.#resources);
      const closing = registry.list().map((project) => (project.kind === 'served' ? project.store.close() : undefined));
      // One log that cannot be closed must not keep the others from it.
      const outcomes = await Promise.allSettled(closing);
      await this.#startedProjects?.journal.close();
      await diskHome.close();
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
  }

  /**
   * One change at a time, in the order in which they were asked for. Whatever ends a right to change projects is a change of a
   * project itself, so the one look at the right holds for the whole turn, in which the change may well end it.
   */
  async #inTurn<T>(context: CommandContext, change: (allowed: CommandContext) => Promise<T>): Promise<T> {
    return await this.#one(async () => {
      if (this.#isClosed) throw new AppError('shutting_down', 'Cannot change projects: the server is stopping');
      context.assertAllowed?.();
      try {
        return await change({ actor: context.actor, requestId: context.requestId });
      } catch (error) {
        throw withDiskCode(error, 'Cannot change the project');
      }
    });
  }

  get #started(): StartedProjects {
    if (this.#startedProjects === undefined) throw new AppError('starting', 'Cannot change projects: the server is starting');
    return this.#startedProjects;
  }

  store(id: string): ProjectStore {
    return this.#resources.registry.store(id);
  }

  identity(id: string): symbol | undefined {
    return this.#resources.registry.get(id)?.identity;
  }

  details(id: string): ProjectDetails {
    const found = this.#resources.registry.get(id);
    if (found === undefined) throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    return describeProject(found);
  }

  get count(): number {
    return this.#resources.registry.count;
  }

  list(): readonly ProjectDetails[] {
    return this.#resources.registry.list().map(describeProject);
  }

  progress(): StartFacts {
    const { started, refused, total } = this.#progress;
    return { started, refused, total };
  }

  async refresh(): Promise<void> {
    await this.#resources.room.refresh(0);
  }

  get canWrite(): boolean {
    const { count, writableCount } = this.#resources.registry;
    return count === 0 || writableCount > 0;
  }

  readiness(): Readiness {
    const { room, registry } = this.#resources;
    const keeping = this.#startedProjects?.maintenance.state ?? NOTHING_KEPT;
    const serverLog = this.#startedProjects?.journal.state ?? 'writable';
    const degraded = registry.degraded().map((project) => {
      const { id, state } = describeProject(project);
      return { id, state };
    });
    return assessReadiness({ count: registry.count, degraded }, { serverLog, room, damagedReads: registry.damagedReads, ...keeping });
  }

  async create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#inTurn(context, (allowed) => this.#create(project, allowed));
  }

  async #create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    const { config, keyring, announceKey } = this.#resources;
    const base = effectiveSettings({}, config.document);
    const settings = mergeSettings(base, project);
    const { on_disk: onDisk } = settings.storage;
    if (onDisk) this.#started.journal.requireWritable();
    else this.#started.journal.requireSound();
    await this.#refuseTakenId(project.id);
    if (onDisk) await this.#requireRoom(project.id);
    const made = settings.authentication.enabled ? makeKey(settings) : undefined;
    const key: EntryKey = made?.entryKey ?? { apiKey: null, apiKeyHash: null };
    await writeEntry(config, { id: project.id, settings, revision: undefined, key });
    const opened = await this.#createLog(project.id, { settings, key, context });
    const { store } = opened;
    this.#started.maintenance.serve(opened);
    keyring.setKey({ kind: 'project', project: project.id }, storedKeyOf(key));
    await settleRevision(this.#resources, store, key);
    if (made !== undefined) announceKey(project.id, made.key);
    return { details: describeStore(store), apiKey: made?.key ?? null };
  }

  /** Looks before anything is written; how much the project's first line takes is asked for by its store. */
  async #requireRoom(id: string): Promise<void> {
    const { room } = this.#resources;
    await room.refresh(0);
    if (!room.allowsGrowth(1)) throw new AppError('disk_full', `Cannot create the project "${id}": the disk is nearly full`);
  }

  async #refuseTakenId(id: string): Promise<void> {
    const { registry, diskHome } = this.#resources;
    if (registry.get(id) !== undefined) throw new AppError('project_exists', `Cannot create the project "${id}": it exists`);
    const registration = this.#started.journal.registrations.get(id);
    // What an earlier project of the name left in the way goes first.
    await this.#started.maintenance.unmoved.finishLeaving(id);
    const files = await diskHome.namesOf(id);
    if (registration?.state === 'live') {
      const advice = 'stop the server and put its entry back into the configuration, or start it with --adopt, which gives the project ' +
        'an entry and a new API key; or delete the project';
      const message = `Cannot create the project "${id}": it exists and is not served; ${advice}`;
      throw new AppError('project_not_served', message, { facts: { files } });
    }
    if (files.length === 0) return this.#started.maintenance.unmoved.forget(id);
    throw new AppError('project_files_exist', `Cannot create the project "${id}": files of that name exist`, { facts: { files } });
  }

  /** Makes and registers the log; when that fails, the entry that was written for it goes again. */
  async #createLog(
    id: string,
    project: { readonly settings: ProjectSettings; readonly key: EntryKey; readonly context: CommandContext },
  ): Promise<OpenedProject> {
    const { config } = this.#resources;
    const { settings, key, context } = project;
    const options = openOptionsOf(this.#resources, id, settings);
    const logId = randomHexId();
    let opened: OpenedProject | undefined;
    try {
      opened = await createProject(id, { ...options, logId });
      await opened.store.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, context);
      if (settings.storage.on_disk) await this.#started.journal.record({ op: 'project.created', id, log_id: logId }, context);
      return opened;
    } catch (error) {
      await this.#undo(id, 'log', async () => opened?.store.retire());
      await this.#undo(id, 'files', () => options.home.discard(id, logId));
      await this.#undo(id, 'entry of the configuration', () => removeEntry(config, id));
      throw error;
    }
  }

  /** Takes back a part of a creation that failed. What cannot be taken back is named, for the operator to remove. */
  async #undo(id: string, part: string, work: () => Promise<unknown>): Promise<void> {
    const message = `a project could not be created, and its ${part} could not be taken back`;
    await work().catch(logFailure(this.#resources.logger, 'error', { project: id }, message));
  }

  async update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#inTurn(context, (allowed) => (
      new ProjectUpdates(this.#resources, this.#started).update(this.store(id), change, allowed)
    ));
  }

  async regenerateKey(id: string, context: CommandContext): Promise<string> {
    return await this.#inTurn(context, (allowed) => new ProjectUpdates(this.#resources, this.#started).regenerateKey(id, allowed));
  }

  async compact(id: string, context: CommandContext): Promise<CompactionResult> {
    // Not in turn with the changes: a long compaction must not hold them up. A change that it would disturb ends it, and so does
    // the deletion of the project that is looked up here.
    context.assertAllowed?.();
    const store = this.store(id);
    return await this.#started.maintenance.compact(store.id, context);
  }

  async delete(id: string, context: CommandContext): Promise<void> {
    await this.#inTurn(context, (allowed) => new ProjectDeletion(this.#resources, this.#started).delete(id, allowed));
  }
}
