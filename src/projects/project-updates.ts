/**
 * Changes to a project that exists: its settings, its key, and whether it lives in memory or on disk. A change is one event, and
 * whatever can be known to stand in its way is looked at before: a refusal changes nothing.
 */
import { logFailure } from '../base/log-failure.js';
import { keyIdOf } from '../auth/key-hash.js';
import { effectiveSettings } from '../config/effective-settings.js';
import { diffSettings, mergeSettings, type ProjectSettings, type ProjectSettingsChange } from '../events/project-settings.js';
import type { CommandContext, UpdateProjectCommand } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { asApplied, withLostKey } from './failed-change.js';
import { describeStore } from './project-details.js';
import {
  type EntryKey, entryOf, findEntry, keyOfEntry, type MadeKey, makeKey, settleRevision, storedKeyOf, writeEntry,
} from './project-entries.js';
import type { ProjectResources } from './project-resources.js';
import type { ProjectWithKey } from './projects.js';
import type { StartedProjects } from './start-projects.js';
import { enterDisk, leaveDisk, requireFreeName, requireMovableFiles, requireRoomFor } from './storage-switch.js';

/** An update on its way. */
interface Update {
  /** As they are to be. */
  readonly settings: ProjectSettings;
  /** The key that the entry has. */
  readonly key: EntryKey;
  /** There where authentication is switched on and no key exists. */
  readonly made: MadeKey | undefined;
  readonly command: UpdateProjectCommand;
  readonly context: CommandContext;
}

/** Changes projects; one at a time. */
export class ProjectUpdates {
  readonly #resources: ProjectResources;
  readonly #started: StartedProjects;

  constructor(resources: ProjectResources, started: StartedProjects) {
    this.#resources = resources;
    this.#started = started;
  }

  /**
   * Changes a project's settings, and moves it between memory and disk where they say so.
   *
   * @throws {AppError} see the contract in `projects.ts`
   */
  async update(store: ProjectStore, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey> {
    const update = this.#prepare(store, change, context);
    const { on_disk: onDisk } = update.settings.storage;
    try {
      // Where the log says already that the project leaves and it is still on disk, an earlier attempt got only so far.
      if (onDisk === store.isOnDisk) await this.#updateInPlace(store, update);
      else if (onDisk) await this.#enterDisk(store, update);
      else await this.#leaveDisk(store, update);
    } catch (error) {
      // The caller gets the error in the place of the key.
      const isKeyInForce = update.made !== undefined && store.version.keyId === keyIdOf(update.made.entryKey.apiKeyHash);
      throw isKeyInForce ? withLostKey(error, store.id) : error;
    }
    return { details: describeStore(store), apiKey: update.made?.key ?? null };
  }

  #prepare(store: ProjectStore, change: ProjectSettingsChange, context: CommandContext): Update {
    const settings = mergeSettings(store.settings, change);
    const key = keyOfEntry(findEntry(this.#resources.config.document, store.id));
    const isChanged = diffSettings(store.settings, settings).names.length > 0;
    const made = isChanged && settings.authentication.enabled && key.apiKeyHash === null ? makeKey(settings) : undefined;
    const keyId = made === undefined ? {} : { keyId: keyIdOf(made.entryKey.apiKeyHash) };
    return { settings, key, made, command: { type: 'project.update', change, ...keyId }, context };
  }

  async #updateInPlace(store: ProjectStore, update: Update): Promise<void> {
    const { settings, key, made, command, context } = update;
    if (diffSettings(store.settings, settings).names.length === 0) {
      // Asked again after the file could not be written, it is written now.
      if (!this.#isEntryCurrent(store)) await this.#writeAppliedEntry(store, key);
      return;
    }
    const submit = (onApplied?: () => void): Promise<unknown> => (
      store.submitAlone(command, { context, ...(onApplied && { onApplied }) })
    );
    if (made !== undefined) await this.#changeKey(store, { settings, made, submit });
    else await submit();
    this.#started.maintenance.applyStorage(store);
    if (made === undefined) await this.#writeAppliedEntry(store, key);
  }

  /** The entry comes first and without a revision, as that of a new project: `storage-switch.ts` has the reasons. */
  async #enterDisk(store: ProjectStore, { settings, key, made, command, context }: Update): Promise<void> {
    const { config, diskHome, keyring, room } = this.#resources;
    const { journal, maintenance } = this.#started;
    const { id, settings: before } = store;
    journal.requireWritable();
    await requireFreeName(diskHome, maintenance.unmoved, id);
    await requireRoomFor(room, store);
    const entryKey = made?.entryKey ?? key;
    const onApplied = (): void => {
      if (made !== undefined) keyring.setKey({ kind: 'project', project: id }, storedKeyOf(made.entryKey));
    };
    await writeEntry(config, { id, settings, revision: undefined, key: entryKey });
    try {
      const entering = { store, journal, unmoved: maintenance.unmoved, command: { ...command, change: settings }, context, onApplied };
      const { log, base } = await enterDisk(this.#resources, entering);
      maintenance.keep({ store, log, generations: [base] });
    } catch (error) {
      await this.#restoreEntry(id, before, key);
      throw error;
    }
    maintenance.applyStorage(store);
    await settleRevision(this.#resources, store, entryKey);
  }

  /** The project goes on in memory, and an entry that says otherwise would begin an empty one on disk at the next start. */
  async #restoreEntry(id: string, settings: ProjectSettings, key: EntryKey): Promise<void> {
    const message = 'the configuration says on_disk of a project that is in memory; mend the entry';
    await writeEntry(this.#resources.config, { id, settings, revision: undefined, key })
      .catch(logFailure(this.#resources.logger, 'error', { project: id }, message));
  }

  async #leaveDisk(store: ProjectStore, { settings, key, made, command, context }: Update): Promise<void> {
    const { journal, maintenance } = this.#started;
    journal.requireWritable();
    await requireMovableFiles(this.#resources.diskHome, store.id);
    const resume = await maintenance.release(store.id);
    try {
      store.setCaching(true);
      await store.loadAll();
      const leaving = { store, journal, unmoved: maintenance.unmoved, command: { ...command, change: settings }, context };
      const submit = (onApplied?: () => void): Promise<void> => (
        leaveDisk(this.#resources, { ...leaving, ...(onApplied && { onApplied }) })
      );
      if (made === undefined) await submit();
      else await this.#changeKey(store, { settings, made, submit });
    } catch (error) {
      // One that takes no more writes is left alone until the next start.
      if (store.logState !== 'closed') {
        resume();
        maintenance.applyStorage(store);
      }
      throw error;
    }
    await this.#writeAppliedEntry(store, made?.entryKey ?? key);
  }

  /**
   * Gives a project another key.
   *
   * @param id a valid project id
   * @returns the key; the old one is gone
   * @throws {AppError} see the contract in `projects.ts`
   */
  async regenerateKey(id: string, context: CommandContext): Promise<string> {
    this.#started.journal.requireSound();
    const store = this.#resources.registry.store(id);
    const made = makeKey(store.settings);
    const command = { type: 'project.key', keyId: keyIdOf(made.entryKey.apiKeyHash) } as const;
    const submit = (onApplied: () => void): Promise<unknown> => store.submitAlone(command, { context, onApplied });
    await this.#changeKey(store, { settings: store.settings, made, submit });
    return made.key;
  }

  /**
   * File, log, keyring. When the log refuses, the file gets the old key back. Nothing is written to the log between the change
   * and the moment at which the old key stops working.
   */
  async #changeKey(
    store: ProjectStore,
    wanted: {
      readonly settings: ProjectSettings; readonly made: MadeKey; readonly submit: (onApplied: () => void) => Promise<unknown>;
    },
  ): Promise<void> {
    const { config, keyring, logger } = this.#resources;
    const { id, settings: before } = store;
    const entry = findEntry(config.document, id);
    const previousKey = keyOfEntry(entry);
    const revision = entry?.revision;
    const { entryKey } = wanted.made;
    await writeEntry(config, { id, settings: wanted.settings, revision, key: entryKey });
    let isInForce = false;
    try {
      await wanted.submit(() => {
        keyring.setKey({ kind: 'project', project: id }, storedKeyOf(entryKey));
        isInForce = true;
      });
    } catch (error) {
      // Whatever failed after it, the entry has to go on naming the key that the log names.
      if (isInForce) throw error;
      const message = 'the configuration names a key that was never shown; give the project another one';
      await writeEntry(config, { id, settings: before, revision, key: previousKey })
        .catch(logFailure(logger, 'error', { project: id }, message));
      throw error;
    }
    await settleRevision(this.#resources, store, entryKey);
  }

  #isEntryCurrent(store: ProjectStore): boolean {
    const { document } = this.#resources.config;
    const entry = findEntry(document, store.id);
    const { settings, revision } = entryOf(store, keyOfEntry(entry));
    return entry?.revision === revision && diffSettings(effectiveSettings(entry ?? {}, document), settings).names.length === 0;
  }

  /** The log has the change. Without the file the next start takes it from there, so the answer says that it is in force. */
  async #writeAppliedEntry(store: ProjectStore, key: EntryKey): Promise<void> {
    try {
      await writeEntry(this.#resources.config, entryOf(store, key));
    } catch (error) {
      throw asApplied(error, `Cannot write the entry of the project "${store.id}"`);
    }
  }
}
