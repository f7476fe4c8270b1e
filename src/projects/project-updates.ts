/**
 * Changes to a project that exists: its settings, its key, and whether it lives in memory or on disk.
 */
import { keyIdOf } from '../auth/key-hash.js';
import { AppError } from '../base/app-error.js';
import { effectiveSettings } from '../config/effective-settings.js';
import { diffSettings, mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../events/project-settings.js';
import type { Command, CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { describeStore } from './project-details.js';
import {
  type EntryKey, entryOf, findEntry, keyOfEntry, type MadeKey, makeKey, settleRevision, storedKeyOf, writeEntry,
} from './project-entries.js';
import type { ProjectResources } from './project-resources.js';
import type { ProjectWithKey } from './projects.js';
import type { StartedProjects } from './start-projects.js';
import { enterDisk, leaveDisk } from './storage-switch.js';

/** Changes projects; one at a time. */
export class ProjectUpdates {
  readonly #resources: ProjectResources;
  readonly #started: StartedProjects;

  /**
   * @param resources what projects are made of
   * @param started the server's own log, and what keeps projects
   */
  constructor(resources: ProjectResources, started: StartedProjects) {
    this.#resources = resources;
    this.#started = started;
  }

  /**
   * Changes a project's settings. A move between memory and disk comes last, as an event of its own.
   *
   * @param store the project's store
   * @param change what shall differ
   * @param context who asks
   * @returns the project, and a key where one was made
   * @throws {AppError} see the contract in `projects.ts`
   */
  async update(store: ProjectStore, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    const { on_disk: onDisk = store.settings.storage.on_disk, ...storage } = change.storage ?? {};
    const { apiKey } = await this.#updateInPlace(store, { ...change, storage }, context);
    // The log may say already that the project leaves: then an earlier attempt got only so far.
    if (onDisk !== store.settings.storage.on_disk || onDisk !== store.isOnDisk) {
      const settings = mergeSettings(store.settings, { storage: { on_disk: onDisk } });
      if (onDisk && store.isOnDisk) await this.#stayOnDisk(store, context);
      else if (onDisk) await this.#enterDisk(store, settings, context);
      else await this.#leaveDisk(store, settings, context);
    }
    return { details: describeStore(store), apiKey };
  }

  async #updateInPlace(
    store: ProjectStore, change: ProjectSettingsChange, context: CommandContext,
  ): Promise<Pick<ProjectWithKey, 'apiKey'>> {
    const settings = mergeSettings(store.settings, change);
    const { names } = diffSettings(store.settings, settings);
    const key = keyOfEntry(findEntry(this.#resources.config.document, store.id));
    if (names.length === 0) {
      // Whoever asks again after the file could not be written has it written now.
      if (!this.#isEntryCurrent(store)) await this.#writeAppliedEntry(store, key);
      return { apiKey: null };
    }
    if (settings.authentication.enabled && key.apiKeyHash === null) return await this.#updateWithKey(store, { settings, change, context });
    await store.submitAlone({ type: 'project.update', change }, { context });
    this.#started.keeper.applyCaching(store);
    await this.#writeAppliedEntry(store, key);
    return { apiKey: null };
  }

  /** Authentication is switched on and there is no key: one is made, and its hash must be in the file before the log names it. */
  async #updateWithKey(
    store: ProjectStore,
    wanted: { readonly settings: ProjectSettings; readonly change: ProjectSettingsChange; readonly context: CommandContext },
  ): Promise<Pick<ProjectWithKey, 'apiKey'>> {
    const { settings, change, context } = wanted;
    const made = makeKey(settings);
    const keyId = keyIdOf(made.entryKey.apiKeyHash);
    await this.#changeKey(store, { settings, made, command: { type: 'project.update', change, keyId }, context });
    this.#started.keeper.applyCaching(store);
    return { apiKey: made.key };
  }

  /** An earlier attempt to leave got as far as the log and was not recorded: it is taken back there. */
  async #stayOnDisk(store: ProjectStore, context: CommandContext): Promise<void> {
    await store.submit({ type: 'project.update', change: { storage: { on_disk: true } } }, context);
    await this.#writeAppliedEntry(store, keyOfEntry(findEntry(this.#resources.config.document, store.id)));
  }

  /** The entry comes first and without a revision, as that of a new project: `storage-switch.ts` has the reasons. */
  async #enterDisk(store: ProjectStore, settings: ProjectSettings, context: CommandContext): Promise<void> {
    const { config, diskHome } = this.#resources;
    const { journal, keeper } = this.#started;
    journal.requireSound();
    const files = await diskHome.namesOf(store.id);
    if (files.length > 0) {
      const message = `Cannot move the project "${store.id}" to the disk: files of that name exist`;
      throw new AppError('project_files_exist', message, { facts: { files } });
    }
    const before = store.settings;
    const key = keyOfEntry(findEntry(config.document, store.id));
    await writeEntry(config, { id: store.id, settings, revision: undefined, key });
    try {
      const { log, base } = await enterDisk(this.#resources, { store, journal, settings, context });
      keeper.keep({ store, log, generations: [base] });
    } catch (error) {
      await this.#restoreEntry(store.id, before, key);
      throw error;
    }
    keeper.applyCaching(store);
    await this.#writeAppliedEntry(store, key);
  }

  /** The project goes on in memory, and an entry that says otherwise would begin an empty one on disk at the next start. */
  async #restoreEntry(id: string, settings: ProjectSettings, key: EntryKey): Promise<void> {
    try {
      await writeEntry(this.#resources.config, { id, settings, revision: undefined, key });
    } catch (cause) {
      const message = 'the configuration says on_disk of a project that is in memory; mend the entry';
      this.#resources.logger.error({ project: id, err: cause }, message);
    }
  }

  async #leaveDisk(store: ProjectStore, settings: ProjectSettings, context: CommandContext): Promise<void> {
    const { journal, keeper } = this.#started;
    journal.requireSound();
    const key = keyOfEntry(findEntry(this.#resources.config.document, store.id));
    const resume = await keeper.release(store.id);
    try {
      store.setCaching(true);
      await store.loadAll();
      await leaveDisk(this.#resources, { store, journal, settings, context });
    } catch (error) {
      // One that takes no more writes is left alone until the next start.
      if (store.logState !== 'closed') {
        resume();
        keeper.applyCaching(store);
      }
      throw error;
    }
    await this.#writeAppliedEntry(store, key);
  }

  /**
   * Gives a project another key.
   *
   * @param id a valid project id
   * @param context who asks
   * @returns the key; the old one is gone
   * @throws {AppError} see the contract in `projects.ts`
   */
  async regenerateKey(id: string, context: CommandContext): Promise<string> {
    this.#started.journal.requireSound();
    const store = this.#resources.registry.store(id);
    const made = makeKey(store.settings);
    const keyId = keyIdOf(made.entryKey.apiKeyHash);
    await this.#changeKey(store, { settings: store.settings, made, command: { type: 'project.key', keyId }, context });
    return made.key;
  }

  /**
   * File, log, keyring. When the log refuses, the file gets the old key back. Nothing is written to the log between the change
   * and the moment at which the old key stops working.
   */
  async #changeKey(
    store: ProjectStore,
    wanted: {
      readonly settings: ProjectSettings; readonly made: MadeKey; readonly command: Command; readonly context: CommandContext;
    },
  ): Promise<void> {
    const { config, keyring, logger } = this.#resources;
    const { command, context } = wanted;
    const onApplied = (): void => keyring.setKey({ kind: 'project', project: store.id }, storedKeyOf(wanted.made.entryKey));
    const { id, settings: before } = store;
    const entry = findEntry(config.document, id);
    const previousKey = keyOfEntry(entry);
    const revision = entry?.revision;
    await writeEntry(config, { id, settings: wanted.settings, revision, key: wanted.made.entryKey });
    try {
      await store.submitAlone(command, { context, onApplied });
    } catch (error) {
      try {
        await writeEntry(config, { id, settings: before, revision, key: previousKey });
      } catch (cause) {
        logger.error({ project: id, err: cause }, 'the configuration names a key that nobody has; give the project another one');
      }
      throw error;
    }
    await settleRevision(this.#resources, store, wanted.made.entryKey);
  }

  #isEntryCurrent(store: ProjectStore): boolean {
    const { document } = this.#resources.config;
    const entry = findEntry(document, store.id);
    const { settings, revision } = entryOf(store, keyOfEntry(entry));
    return entry?.revision === revision && diffSettings(effectiveSettings(entry ?? {}, document), settings).names.length === 0;
  }

  /** The log has the change. Without the file the next start takes it from there, so the caller is told that it is in force. */
  async #writeAppliedEntry(store: ProjectStore, key: EntryKey): Promise<void> {
    try {
      await writeEntry(this.#resources.config, entryOf(store, key));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new AppError(error.code, error.message, { cause: error, facts: { ...error.facts, applied: true } });
    }
  }
}
