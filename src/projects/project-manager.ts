/**
 * Manages the projects of the server. Each change goes to the configuration file, the log and the keyring in an order that startup can
 * complete after a crash between any two of them (`config/reconcile.ts` has the reasons). One change at a time.
 */
import pLimit from 'p-limit';
import { AppError, withDiskCode } from '../base/app-error.js';
import type { ProjectSettingsChange } from '../events/project-settings.js';
import type { CommandContext } from '../store/command.js';
import type { PastLease } from '../store/past-state.js';
import type { ProjectStore } from '../store/project-store.js';
import { KeyManager } from './access/key-manager.js';
import { type Backup, fixBackup, prepareBackup } from './backup.js';
import { createProject } from './changes/create-project.js';
import { deleteProject } from './changes/delete-project.js';
import { replaceKey } from './changes/replace-key.js';
import { updateProject } from './changes/update-project.js';
import { warnOfLostKeys } from './memory-projects.js';
import { describeProject } from './project-details.js';
import type { MaintenanceState } from './project-maintenance.js';
import { type ProjectResources, type ProjectServices, SNAPSHOTS_AT_STOP_MS } from './project-resources.js';
import type {
  CompactionResult, NewProject, ProjectDetails, Projects, ProjectWithKey, Readiness, RegeneratedKey,
} from './projects.js';
import { assessReadiness } from './readiness.js';
import { redactInMemory, type RedactionRequest, type RedactionResult } from './redaction.js';
import { type StartFacts, StartProgress } from './start/start-progress.js';
import { type StartOptions, startProjects } from './start/start-projects.js';

/** The state of the background work before there are projects. */
const NO_MAINTENANCE: MaintenanceState = { compactionsFailing: 0, readableFailing: 0, scrubsDamaged: 0, filesUnmoved: 0 };

/** Manages projects. */
export class ProjectManager implements Projects {
  readonly apiKeys = new KeyManager({
    services: () => this.#services,
    inTurn: (context, change) => this.#changeInTurn(context, change),
  });
  readonly #resources: ProjectResources;
  /** Undefined until startup has completed. */
  #startedServices: ProjectServices | undefined;
  readonly #one = pLimit(1);
  readonly #progress: StartProgress;
  /** True once no change is accepted any more: the folder may belong to another server. */
  #isClosed = false;

  constructor(resources: ProjectResources) {
    this.#resources = resources;
    this.#progress = new StartProgress(() => resources.config.document.projects.length, resources);
  }

  /**
   * Opens every project of the configuration. Nothing can be read or changed before this resolves.
   *
   * @param options a signal that ends the startup between any two lines of a log; the projects to adopt first
   * @throws {ConfigError} if the data folder is not the one that the configuration belongs to
   */
  async start(options: Omit<StartOptions, 'progress'> = {}): Promise<void> {
    const progress = this.#progress;
    this.#startedServices = await progress.during(() => startProjects(this.#resources, { progress, ...options }));
  }

  /** Completes the change in progress, makes the due snapshots, and closes all logs and the registry. */
  async close(): Promise<void> {
    await this.#one(async () => {
      this.#isClosed = true;
      const { table, diskHome, tasks, snapshotsAtStopMs = SNAPSHOTS_AT_STOP_MS } = this.#resources;
      await this.#startedServices?.maintenance.close(snapshotsAtStopMs);
      await tasks.close();
      warnOfLostKeys(this.#resources);
      const closing = table.list().map((project) => (project.kind === 'served' ? project.store.close() : undefined));
      // A log that cannot be closed must not keep the others open.
      const outcomes = await Promise.allSettled(closing);
      await this.#startedServices?.registry.close();
      await diskHome.close();
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
  }

  /**
   * Runs a change of projects that leads to a change of the configuration, which must be as the server knows it.
   *
   * @throws {AppError} `config_changed` if it was edited; nothing has changed then
   */
  async #changeInTurn<T>(context: CommandContext, change: (services: ProjectServices, allowed: CommandContext) => Promise<T>): Promise<T> {
    return await this.inTurn(context, async (services, allowed) => {
      await services.config.requireUnedited();
      return await change(services, allowed);
    });
  }

  /**
   * Runs changes one at a time, in the order of the calls. A right to change projects ends only through another such change, so one check
   * holds for the whole turn, during which the change may well end it.
   */
  async inTurn<T>(context: CommandContext, change: (services: ProjectServices, allowed: CommandContext) => Promise<T>): Promise<T> {
    return await this.#one(async () => {
      if (this.#isClosed) throw new AppError('shutting_down', 'Cannot change projects: the server is shutting down');
      context.assertAllowed?.();
      try {
        return await change(this.#services, { actor: context.actor, requestId: context.requestId });
      } catch (error) {
        throw withDiskCode(error, 'Cannot change the project');
      }
    });
  }

  get #services(): ProjectServices {
    if (this.#startedServices === undefined) throw new AppError('starting', 'Cannot change projects: the server is starting');
    return this.#startedServices;
  }

  store(id: string): ProjectStore {
    return this.#resources.table.store(id);
  }

  identity(id: string): symbol | undefined {
    return this.#resources.table.get(id)?.identity;
  }

  details(id: string): ProjectDetails {
    const found = this.#resources.table.get(id);
    if (found === undefined) throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    return describeProject(found);
  }

  get count(): number {
    return this.#resources.table.count;
  }

  list(): readonly ProjectDetails[] {
    return this.#resources.table.list().map(describeProject);
  }

  progress(): StartFacts {
    const { started, refused, total } = this.#progress;
    return { started, refused, total };
  }

  async refresh(): Promise<void> {
    await this.#resources.space.refresh(0);
  }

  get canWrite(): boolean {
    const { count, writableCount } = this.#resources.table;
    return count === 0 || writableCount > 0;
  }

  readiness(): Readiness {
    const { space, table } = this.#resources;
    const maintenance = this.#startedServices?.maintenance.state ?? NO_MAINTENANCE;
    const registry = this.#startedServices?.registry.state ?? 'writable';
    const degraded = table.degraded().map((project) => {
      const { id, state } = describeProject(project);
      return { id, state };
    });
    return assessReadiness({ count: table.count, degraded }, { registry, space, damagedReads: table.damagedReads, ...maintenance });
  }

  async create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#changeInTurn(context, (services, allowed) => createProject(services, project, allowed));
  }

  async update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#changeInTurn(context, (services, allowed) => updateProject(services, this.store(id), change, allowed));
  }

  async regenerateKey(id: string, context: CommandContext, overlapMs = 0): Promise<RegeneratedKey> {
    return await this.#changeInTurn(context, async (services, allowed) => {
      const { key, others } = await replaceKey(services, { id, overlapMs }, allowed);
      return { apiKey: key, otherKeys: others };
    });
  }

  async compact(id: string, context: CommandContext): Promise<CompactionResult> {
    // Not in turn with the changes, because a long compaction must not delay them. A change that it would disturb aborts it, and so does
    // the deletion of the project.
    context.assertAllowed?.();
    const store = this.store(id);
    return await this.#services.maintenance.compactor.compact(store.id, context);
  }

  async pastState(id: string, seq: number, signal: AbortSignal): Promise<PastLease> {
    return await this.#services.maintenance.past.lease(this.store(id), seq, signal);
  }

  async redact(id: string, request: RedactionRequest, context: CommandContext): Promise<RedactionResult> {
    // Not in turn with the changes either. A move to memory waits until it is complete.
    context.assertAllowed?.();
    const store = this.store(id);
    const { compactor, past } = this.#services.maintenance;
    if (store.isOnDisk) return await compactor.redact(store.id, request, context);
    return await redactInMemory(store, request, context).finally(() => past.dropAll(store.id));
  }

  async backup(id: string | undefined, context: CommandContext): Promise<Backup> {
    const { backups, clock } = this.#resources;
    if (id !== undefined) this.store(id);
    return await prepareBackup(await this.inTurn(context, (services) => fixBackup(services, clock, id)), backups);
  }

  /** Changes the space for past states. */
  async resizePastStates(bytesMax: number): Promise<void> {
    await this.#startedServices?.maintenance.past.resize(bytesMax);
  }

  async delete(id: string, context: CommandContext): Promise<void> {
    await this.#changeInTurn(context, (services, allowed) => deleteProject(services, id, allowed));
  }
}
