/**
 * The lives of projects: each change goes to the configuration file, to the log and to the keyring in the order that makes a
 * crash between any two of them read right at the next start (`config/reconcile.ts` has the reasons). One change at a time.
 */
import pLimit from 'p-limit';
import { AppError } from '../base/app-error.js';
import { randomHexId } from '../base/random-id.js';
import { effectiveSettings } from '../config/effective-settings.js';
import { diffSettings, mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../events/project-settings.js';
import { keyIdOf } from '../auth/key-hash.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { createProject } from './open-project.js';
import { describeProject, describeStore } from './project-details.js';
import {
  type EntryKey, findEntry, keyIdOrNull, keyOfEntry, type MadeKey, makeKey, removeEntry, storedKeyOf, writeEntry,
} from './project-entries.js';
import { homeOf, type ProjectResources } from './project-resources.js';
import type { NewProject, ProjectDetails, Projects, ProjectWithKey, Readiness } from './projects.js';
import { assessReadiness } from './readiness.js';
import type { ServerJournal } from './server-journal.js';
import { startProjects } from './start-projects.js';

/** Refuses what this version cannot keep: values that are read from disk. */
function refuseColdStorage(settings: ProjectSettings): void {
  if (!settings.storage.on_disk || settings.storage.cache_in_memory) return;
  const reason = 'cache_in_memory false is not available in this version';
  throw new AppError('storage_switch_unavailable', `Cannot keep the values of a project on disk only: ${reason}`);
}

/** Carries out changes to projects. */
export class ProjectLives implements Projects {
  readonly #resources: ProjectResources;
  /** Undefined until the start has opened it. */
  #startedJournal: ServerJournal | undefined;
  readonly #one = pLimit(1);
  /** True once nothing may be changed any more: the folder may belong to another server. */
  #isClosed = false;

  /** @param resources what projects are made of */
  constructor(resources: ProjectResources) {
    this.#resources = resources;
  }

  /**
   * Opens every project of the configuration. Until this resolves there is nothing to read or to change.
   *
   * @param signal ends the start between any two lines of a log, throwing its reason
   * @throws {ConfigError} when the data folder is not the one that the configuration speaks of
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.#startedJournal = await startProjects(this.#resources, signal);
  }

  /** Carries out what is under way, closes every log and the server's own. */
  async close(): Promise<void> {
    await this.#one(async () => {
      this.#isClosed = true;
      const { registry, diskHome } = this.#resources;
      const closing = registry.list().map((project) => (project.kind === 'served' ? project.store.close() : undefined));
      // One log that cannot be closed must not keep the others from it.
      const outcomes = await Promise.allSettled(closing);
      await this.#startedJournal?.close();
      await diskHome.close();
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
  }

  /** One change at a time, in the order in which they were asked for. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    return await this.#one(async () => {
      if (this.#isClosed) throw new AppError('shutting_down', 'Cannot change projects: the server is stopping');
      return await change();
    });
  }

  get #journal(): ServerJournal {
    if (this.#startedJournal === undefined) throw new AppError('starting', 'Cannot change projects: the server is starting');
    return this.#startedJournal;
  }

  store(id: string): ProjectStore {
    return this.#resources.registry.store(id);
  }

  details(id: string): ProjectDetails {
    const found = this.#resources.registry.get(id);
    if (found === undefined) throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    return describeProject(found);
  }

  list(): readonly ProjectDetails[] {
    return this.#resources.registry.list().map(describeProject);
  }

  readiness(): Readiness {
    return assessReadiness(this.list(), this.#startedJournal?.state ?? 'writable');
  }

  async create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#inTurn(() => this.#create(project, context));
  }

  async #create(project: NewProject, context: CommandContext): Promise<ProjectWithKey> {
    const { config, registry, keyring, announceKey } = this.#resources;
    this.#journal.requireSound();
    await this.#refuseTakenId(project.id);
    const base = effectiveSettings({}, config.document);
    const settings = mergeSettings(base, project);
    refuseColdStorage(settings);
    const made = settings.authentication.enabled ? makeKey(settings) : undefined;
    const key: EntryKey = made?.entryKey ?? { apiKey: null, apiKeyHash: null };
    await writeEntry(config, { id: project.id, settings, revision: undefined, key });
    const store = await this.#createLog(project.id, { settings, key, context });
    registry.serve(store);
    keyring.setKey({ kind: 'project', project: project.id }, storedKeyOf(key));
    await this.#settleRevision(store, key);
    if (made !== undefined) announceKey(project.id, made.key);
    return { details: describeStore(store), apiKey: made?.key ?? null };
  }

  async #refuseTakenId(id: string): Promise<void> {
    const { registry, diskHome } = this.#resources;
    if (registry.get(id) !== undefined) throw new AppError('project_exists', `Cannot create the project "${id}": it exists`);
    const registration = this.#journal.registrations.get(id);
    const files = await diskHome.namesOf(id);
    if (registration !== undefined && !registration.isDeleted) {
      const advice = 'put its entry back into the configuration and start the server again, or delete it';
      const message = `Cannot create the project "${id}": it exists and is not served; ${advice}`;
      throw new AppError('project_not_served', message, { facts: { files } });
    }
    if (files.length === 0) return;
    throw new AppError('project_files_exist', `Cannot create the project "${id}": files of that name exist`, { facts: { files } });
  }

  /** Makes and registers the log; when that fails, the entry that was written for it goes again. */
  async #createLog(
    id: string,
    project: { readonly settings: ProjectSettings; readonly key: EntryKey; readonly context: CommandContext },
  ): Promise<ProjectStore> {
    const { config, limits } = this.#resources;
    const { settings, key, context } = project;
    const home = homeOf(this.#resources, settings);
    const logId = randomHexId();
    let store: ProjectStore | undefined;
    try {
      store = await createProject(id, { home, settings, limits, logId });
      await store.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, context);
      if (settings.storage.on_disk) await this.#journal.record({ op: 'project.created', id, log_id: logId }, context);
      return store;
    } catch (error) {
      await this.#undo(id, 'files', async () => {
        await store?.retire();
        await home.remove(id, logId);
      });
      await this.#undo(id, 'entry of the configuration', () => removeEntry(config, id));
      throw error;
    }
  }

  /** Takes back a part of a creation that failed. What cannot be taken back is named, for the operator to remove. */
  async #undo(id: string, part: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const message = `a project could not be created, and its ${part} could not be removed again`;
      this.#resources.logger.error({ project: id, err: cause }, message);
    }
  }

  async update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    return await this.#inTurn(() => this.#update(id, change, context));
  }

  async #update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    const { config } = this.#resources;
    const store = this.store(id);
    const settings = mergeSettings(store.settings, change);
    const { names } = diffSettings(store.settings, settings);
    const key = keyOfEntry(findEntry(config.document, id));
    if (names.length === 0) {
      // Whoever asks again after the file could not be written has it written now.
      if (!this.#isEntryCurrent(store)) await this.#writeAppliedEntry(store, key);
      return { details: describeStore(store), apiKey: null };
    }
    refuseStorageSwitch(names, settings);
    if (settings.authentication.enabled && key.apiKeyHash === null) return await this.#updateWithKey(store, { settings, change, context });
    await store.submit({ type: 'project.update', change }, context);
    await this.#writeAppliedEntry(store, key);
    return { details: describeStore(store), apiKey: null };
  }

  /** Authentication is switched on and there is no key: one is made, and its hash must be in the file before the log names it. */
  async #updateWithKey(
    store: ProjectStore,
    wanted: { readonly settings: ProjectSettings; readonly change: ProjectSettingsChange; readonly context: CommandContext },
  ): Promise<ProjectWithKey> {
    const { settings, change, context } = wanted;
    const made = makeKey(settings);
    const keyId = keyIdOf(made.entryKey.apiKeyHash);
    await this.#changeKey(store, { settings, made, submit: () => store.submit({ type: 'project.update', change, keyId }, context) });
    return { details: describeStore(store), apiKey: made.key };
  }

  async regenerateKey(id: string, context: CommandContext): Promise<string> {
    return await this.#inTurn(async () => {
      this.#journal.requireSound();
      const store = this.store(id);
      const made = makeKey(store.settings);
      const submit = (): Promise<unknown> => store.submit({ type: 'project.key', keyId: keyIdOf(made.entryKey.apiKeyHash) }, context);
      await this.#changeKey(store, { settings: store.settings, made, submit });
      return made.key;
    });
  }

  /** File, log, keyring. When the log refuses, the file gets the old key back. */
  async #changeKey(
    store: ProjectStore,
    wanted: { readonly settings: ProjectSettings; readonly made: MadeKey; readonly submit: () => Promise<unknown> },
  ): Promise<void> {
    const { config, keyring, logger } = this.#resources;
    const { id, settings: before } = store;
    const entry = findEntry(config.document, id);
    const previousKey = keyOfEntry(entry);
    const revision = entry?.revision;
    await writeEntry(config, { id, settings: wanted.settings, revision, key: wanted.made.entryKey });
    try {
      await wanted.submit();
    } catch (error) {
      try {
        await writeEntry(config, { id, settings: before, revision, key: previousKey });
      } catch (cause) {
        logger.error({ project: id, err: cause }, 'the configuration names a key that nobody has; give the project another one');
      }
      throw error;
    }
    keyring.setKey({ kind: 'project', project: id }, storedKeyOf(wanted.made.entryKey));
    await this.#settleRevision(store, wanted.made.entryKey);
  }

  #isEntryCurrent(store: ProjectStore): boolean {
    const { document } = this.#resources.config;
    const entry = findEntry(document, store.id);
    const { settings, revision } = this.#entryOf(store, keyOfEntry(entry));
    return entry?.revision === revision && diffSettings(effectiveSettings(entry ?? {}, document), settings).names.length === 0;
  }

  /** The log has the change. Without the file the next start takes it from there, so the caller is told that it is in force. */
  async #writeAppliedEntry(store: ProjectStore, key: EntryKey): Promise<void> {
    try {
      await writeEntry(this.#resources.config, this.#entryOf(store, key));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, error.message, { cause: error, facts: { ...error.facts, applied: true } });
    }
  }

  /** Lets the entry say which revision it reflects. What it says otherwise is right already, so a failure costs nothing. */
  async #settleRevision(store: ProjectStore, key: EntryKey): Promise<void> {
    try {
      await writeEntry(this.#resources.config, this.#entryOf(store, key));
    } catch (error) {
      const message = 'the revision of a project could not be written into the configuration';
      this.#resources.logger.warn({ project: store.id, err: error }, message);
    }
  }

  #entryOf(store: ProjectStore, key: EntryKey): Parameters<typeof writeEntry>[1] {
    const { settings, seq } = store.version;
    return { id: store.id, settings, revision: settings.storage.on_disk ? seq : undefined, key };
  }

  async delete(id: string, context: CommandContext): Promise<void> {
    await this.#inTurn(() => this.#delete(id, context));
  }

  async #delete(id: string, context: CommandContext): Promise<void> {
    const { registry, config, keyring } = this.#resources;
    this.#journal.requireSound();
    const found = registry.get(id);
    if (found === undefined && (await this.#finishDeletion(id))) return;
    const served = found?.kind === 'served' ? found.store : undefined;
    const logId = await this.#logToDelete(id, served);
    if (found === undefined && logId === undefined && findEntry(config.document, id) === undefined) {
      throw new AppError('project_not_found', `Cannot find the project "${id}"`);
    }
    const release = await served?.hold();
    try {
      const position = { last_seq: served?.seq ?? 0, last_hash: served?.hash ?? '' };
      // This line is the commit of the deletion: what a crash leaves undone after it, the next start does.
      if (logId !== undefined) await this.#journal.record({ op: 'project.deleted', id, log_id: logId, ...position }, context);
      else await removeEntry(config, id);
    } catch (error) {
      if (served !== undefined && error instanceof AppError && error.code === 'outcome_unknown') await this.#suspend(served);
      release?.();
      throw error;
    }
    registry.remove(id);
    keyring.removeProject(id);
    if (served !== undefined) await this.#retire(served);
    try {
      await removeEntry(config, id);
    } finally {
      if (logId !== undefined) await this.#resources.diskHome.remove(id, logId);
    }
  }

  /** Finishes a deletion that is recorded, where files or entry could not be removed then. */
  async #finishDeletion(id: string): Promise<boolean> {
    const { config, diskHome } = this.#resources;
    const registration = this.#journal.registrations.get(id);
    if (registration?.isDeleted !== true) return false;
    const { logId } = registration;
    const hasFiles = (await diskHome.identify(id)) === logId;
    const hasEntry = findEntry(config.document, id) !== undefined;
    if (hasFiles) await diskHome.remove(id, logId);
    if (hasEntry) await removeEntry(config, id);
    return hasFiles || hasEntry;
  }

  /**
   * Nobody can say whether the deletion is recorded. If it is, the next start carries it out, and with it would go whatever was
   * written from now on: so nothing is.
   */
  async #suspend(store: ProjectStore): Promise<void> {
    const { id, settings } = store;
    const reason = 'its deletion may or may not have been recorded; the next start knows';
    this.#resources.registry.refuse({ id, reason, settings });
    this.#resources.logger.error({ project: id }, `the project is not served any more: ${reason}`);
    await this.#retire(store);
  }

  /** A log that cannot be closed well must not keep its project from being deleted. */
  async #retire(store: ProjectStore): Promise<void> {
    try {
      await store.retire();
    } catch (error) {
      this.#resources.logger.warn({ project: store.id, err: error }, 'the log of a deleted project could not be closed');
    }
  }

  /** The log whose deletion is to be recorded; undefined for a project without one on disk. */
  async #logToDelete(id: string, served: ProjectStore | undefined): Promise<string | undefined> {
    const { diskHome } = this.#resources;
    if (served !== undefined) return served.settings.storage.on_disk ? served.logId : undefined;
    const registration = this.#journal.registrations.get(id);
    if (registration !== undefined && !registration.isDeleted) return registration.logId;
    const isKnown = this.#resources.registry.get(id) !== undefined;
    if (!isKnown || (await diskHome.namesOf(id)).length === 0) return undefined;
    // A refused project that was never registered, with a header that cannot be read: its files need some name in the trash.
    return (await diskHome.identify(id)) ?? randomHexId();
  }
}

function refuseStorageSwitch(names: readonly string[], settings: ProjectSettings): void {
  if (names.includes('storage.on_disk')) {
    const message = 'Cannot move the project between memory and disk: this is not available in this version';
    throw new AppError('storage_switch_unavailable', message);
  }
  refuseColdStorage(settings);
}
