/**
 * The start: opens the server's log, then every project of the configuration, and brings configuration and logs together
 * as `config/reconcile.ts` decides. A project that cannot be trusted is named and not served; the others are.
 */
import { AppError } from '../base/app-error.js';
import type { Logger } from '../base/logger.js';
import { newRequestId } from '../base/request-id.js';
import type { ProjectEntry } from '../config/config-document.js';
import { effectiveSettings, viewEntry } from '../config/effective-settings.js';
import { type ProjectHistory, historyOf } from '../config/project-history.js';
import { mustRefuseToStart, type Outcome, reconcile } from '../config/reconcile.js';
import { ACTOR_CONFIG } from '../events/actor.js';
import { diffSettings, type ProjectSettings } from '../events/project-settings.js';
import { keyIdOf } from '../auth/key-hash.js';
import { randomHexId } from '../base/random-id.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { createProject, openProject } from './open-project.js';
import { type EntryKey, type EntryState, keyIdOrNull, keyOfEntry, makeKey, storedKeyOf, withEntries } from './project-entries.js';
import { homeOf, type ProjectResources } from './project-resources.js';
import { ServerJournal } from './server-journal.js';

const DELETED_PROJECT_NAMED =
  'the configuration names a project that was deleted; it is not served. Remove its entry, or its revision to begin anew';

const PROJECT_WITHOUT_ENTRY =
  'a project on disk has no entry in the configuration; it is not served, its files stay. Put the entry back, or delete the project';

/** What ends with a project that is served. */
type ServedOutcome = Extract<Outcome, { kind: 'done' | 'roll_forward' | 'edited' }>;

/** One entry on its way to being served. */
interface Opening {
  readonly entry: ProjectEntry;
  readonly settings: ProjectSettings;
  /** The open store, undefined when there is no log of that name. */
  readonly store: ProjectStore | undefined;
  readonly history: ProjectHistory | 'absent';
}

/** Starts all projects. */
class ProjectStart {
  readonly #resources: ProjectResources;
  readonly #journal: ServerJournal;
  /** What the entries shall say in the end. */
  readonly #states: EntryState[] = [];
  readonly #context: CommandContext = { actor: ACTOR_CONFIG, requestId: `start-${newRequestId()}` };
  readonly #signal: AbortSignal | undefined;

  constructor(resources: ProjectResources, journal: ServerJournal, signal: AbortSignal | undefined) {
    this.#resources = resources;
    this.#journal = journal;
    this.#signal = signal;
  }

  get #logger(): Logger {
    return this.#resources.logger;
  }

  async run(): Promise<void> {
    const { config, diskHome } = this.#resources;
    await diskHome.finishRemovals(this.#journal.registrations.deletedLogs);
    await this.#recordDefaultKey();
    for (const entry of config.document.projects) {
      this.#signal?.throwIfAborted();
      await this.#startEntry(entry);
    }
    this.#signal?.throwIfAborted();
    await this.#nameUnserved();
    await this.#writeEntries();
  }

  async #startEntry(entry: ProjectEntry): Promise<void> {
    const { config, registry, keyring } = this.#resources;
    const settings = effectiveSettings(entry, config.document);
    const key = keyOfEntry(entry);
    // Known before the project is open: the key of a refused project is still the key of nothing else.
    keyring.setKey({ kind: 'project', project: entry.id }, storedKeyOf(key));
    let opening: Opening = { entry, settings, store: undefined, history: 'absent' };
    try {
      opening = await this.#open(entry, settings);
      const outcome = this.#reconcile(opening);
      await this.#carryOut(opening, outcome);
    } catch (error) {
      await opening.store?.close();
      if (this.#signal?.aborted === true) throw error;
      registry.refuse({ id: entry.id, reason: error instanceof Error ? error.message : String(error), settings });
      this.#logger.error({ project: entry.id, err: error }, 'the project is not served; nothing of it was changed');
    }
  }

  async #open(entry: ProjectEntry, settings: ProjectSettings): Promise<Opening> {
    const { diskHome, limits } = this.#resources;
    const registration = this.#journal.registrations.get(entry.id);
    const absent: Opening = { entry, settings, store: undefined, history: 'absent' };
    if (!settings.storage.on_disk) return absent;
    // The log of a deletion that could not be finished has the same name and is not this entry's.
    const expectedLogId = registration?.isDeleted === false ? registration.logId : undefined;
    const opened = await openProject(entry.id, { home: diskHome, settings, limits, expectedLogId, signal: this.#signal });
    if (opened === undefined) return absent;
    const { first, newest } = opened.model.state;
    if (first === undefined || newest === undefined) return { ...absent, store: opened.store };
    return { entry, settings, store: opened.store, history: historyOf(opened.model.state.versions) };
  }

  #reconcile({ entry, history, store }: Opening): Outcome {
    const { config } = this.#resources;
    const registration = this.#journal.registrations.get(entry.id);
    // Without a server log to ask, a log that is there counts as registered.
    const assumed = this.#journal.isCorrupt && store !== undefined ? { logId: store.logId } : undefined;
    const registered = registration === undefined ? assumed : registration.isDeleted ? 'deleted' : { logId: registration.logId };
    return reconcile(viewEntry(entry, config.document), { registered, serverLogPresent: true, log: history });
  }

  async #carryOut(opening: Opening, outcome: Outcome): Promise<void> {
    const { entry, store } = opening;
    switch (outcome.kind) {
      case 'refuse':
        throw new AppError('project_corrupt', `Cannot serve the project: ${outcome.reason}`);
      case 'deleted':
        await store?.close();
        this.#logger.warn({ project: entry.id }, DELETED_PROJECT_NAMED);
        this.#resources.keyring.removeProject(entry.id);
        return;
      case 'create':
      case 'memory':
        await this.#create(opening);
        return;
      case 'adopt':
        await this.#adopt(opening, outcome.then);
        return;
      default:
        await this.#serveReconciled(opening, outcome);
    }
  }

  async #adopt(opening: Opening, then: Outcome): Promise<void> {
    if (then.kind !== 'refuse' && opening.store !== undefined) {
      this.#logger.info({ project: opening.entry.id }, 'a log that was not registered yet is registered');
      await this.#journal.record({ op: 'project.created', id: opening.entry.id, log_id: opening.store.logId }, this.#context);
    }
    await this.#carryOut(opening, then);
  }

  /** A new project by its entry. Its log may be there already, empty: a crash came before its first event. */
  async #create({ entry, settings, store }: Opening): Promise<void> {
    const { limits } = this.#resources;
    const key = keyOfEntry(entry);
    if (settings.storage.on_disk) this.#journal.requireSound();
    const home = homeOf(this.#resources, settings);
    const created = store ?? (await createProject(entry.id, { home, settings, limits, logId: randomHexId() }));
    const registration = { op: 'project.created', id: entry.id, log_id: created.logId } as const;
    try {
      await created.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, this.#context);
      if (settings.storage.on_disk) await this.#journal.record(registration, this.#context);
    } catch (error) {
      await created.close();
      throw error;
    }
    this.#serve(created, key);
  }

  async #serveReconciled({ entry, store }: Opening, outcome: ServedOutcome): Promise<void> {
    if (store === undefined) throw new AppError('project_corrupt', 'Cannot serve the project: it has no log');
    let key = keyOfEntry(entry);
    if (!(await this.#isTakenOver(store, outcome, key))) {
      // The entry stays as it is, so that the next start finds the edit again.
      this.#resources.registry.serve(store);
      return;
    }
    if (store.settings.authentication.enabled && key.apiKeyHash === null) key = await this.#makeMissingKey(store);
    this.#serve(store, key);
  }

  #serve(store: ProjectStore, key: EntryKey): void {
    const { settings, seq } = store.version;
    this.#resources.registry.serve(store);
    this.#states.push({ id: store.id, settings, revision: settings.storage.on_disk ? seq : undefined, key });
  }

  /**
   * Brings what the file says into the log. When the disk is full, the log's settings hold, and the next start tries again; but
   * a project that its owner wants guarded otherwise is not served the old way.
   */
  async #isTakenOver(store: ProjectStore, outcome: ServedOutcome, key: EntryKey): Promise<boolean> {
    const { id } = store;
    try {
      if (outcome.kind === 'edited') await this.#recordEdit(store, outcome, key);
      if (outcome.kind === 'roll_forward') {
        this.#logger.warn({ project: id }, 'the entry of the configuration was older than the log; it takes what the log says');
        if (outcome.keyId !== undefined) await this.#recordKey(store, outcome.keyId);
      }
      return true;
    } catch (error) {
      const isDiskFull = error instanceof AppError && error.code === 'disk_full';
      if (!isDiskFull || (outcome.kind === 'edited' && outcome.names.includes('authentication.enabled'))) throw error;
      const message = 'what the configuration says could not be recorded: the disk is full. The next start tries again';
      this.#logger.warn({ project: id, err: error }, message);
      return false;
    }
  }

  /** What a person edited becomes an event. */
  async #recordEdit(store: ProjectStore, outcome: Extract<Outcome, { kind: 'edited' }>, key: EntryKey): Promise<void> {
    const keyId = keyIdOrNull(key);
    const changed = [...outcome.names, ...(outcome.keyChanged ? ['authentication.api_key'] : [])];
    const { change } = diffSettings(store.settings, outcome.settings);
    if (outcome.names.length === 0) await this.#recordKey(store, keyId);
    else await store.submit({ type: 'project.update', change, keyId: outcome.keyChanged ? keyId : store.version.keyId }, this.#context);
    this.#logger.info({ project: store.id, changed }, 'the configuration was edited; the edit takes effect');
    await this.#recordInJournal(store.id, changed, keyId);
  }

  async #recordKey(store: ProjectStore, keyId: string | null): Promise<void> {
    await store.submit({ type: 'project.key', keyId }, this.#context);
  }

  /** An older copy of the configuration was put back that knows no key, and the log says that one is needed. */
  async #makeMissingKey(store: ProjectStore): Promise<EntryKey> {
    const { announceKey, keyring } = this.#resources;
    const { key, entryKey } = makeKey(store.settings);
    announceKey(store.id, key);
    keyring.setKey({ kind: 'project', project: store.id }, storedKeyOf(entryKey));
    await this.#recordKey(store, keyIdOf(entryKey.apiKeyHash));
    return entryKey;
  }

  async #recordDefaultKey(): Promise<void> {
    const { config } = this.#resources;
    const hash = config.document.default?.authentication?.api_key_hash ?? null;
    const keyId = hash === null ? null : keyIdOf(hash);
    if (keyId === this.#journal.registrations.defaultKeyId) return;
    await this.#recordInJournal('default', ['authentication.api_key'], keyId);
  }

  /** For audit only: a full disk or a damaged server log does not keep anybody from being served. */
  async #recordInJournal(scope: string, changed: readonly string[], keyId: string | null): Promise<void> {
    if (this.#journal.isCorrupt) return;
    try {
      await this.#journal.record({ op: 'config.edited', scope, changed, key_id: keyId }, this.#context);
    } catch (error) {
      this.#logger.warn({ scope, err: error }, 'an edit of the configuration could not be recorded in the server log');
    }
  }

  /** Data without an entry stays where it is; somebody should know that it is there. */
  async #nameUnserved(): Promise<void> {
    const { config, diskHome } = this.#resources;
    const named = new Set(config.document.projects.map(({ id }) => id));
    for (const id of this.#journal.registrations.liveIds.filter((live) => !named.has(live))) {
      const files = await diskHome.namesOf(id);
      this.#logger.warn({ project: id, files }, PROJECT_WITHOUT_ENTRY);
    }
  }

  async #writeEntries(): Promise<void> {
    const { config } = this.#resources;
    try {
      await config.update((document) => {
        const next = withEntries(document, this.#states);
        return JSON.stringify(next) === JSON.stringify(document) ? document : next;
      });
    } catch (error) {
      this.#logger.warn({ err: error }, 'the configuration could not be brought up to date; it is tried again at the next start');
    }
  }
}

/**
 * Starts all projects of the configuration.
 *
 * @param resources what projects are made of; the registry is filled
 * @param signal ends the start, throwing its reason
 * @returns the server's own log
 * @throws {ConfigError} when the data folder is not the one that the configuration speaks of
 */
export async function startProjects(resources: ProjectResources, signal?: AbortSignal): Promise<ServerJournal> {
  const { config, diskHome, logger } = resources;
  const found = await ServerJournal.open(diskHome, logger);
  const refusal = mustRefuseToStart(config.document.projects, found !== undefined);
  if (refusal !== undefined) throw refusal;
  const journal = found ?? (await ServerJournal.create(diskHome));
  try {
    await new ProjectStart(resources, journal, signal).run();
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}
