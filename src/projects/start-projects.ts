/**
 * The start: opens the registry, then every project of the configuration, and brings configuration and logs together
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
import { diffSettings, mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import { keyIdOf } from '../auth/key-hash.js';
import { randomHexId } from '../base/random-id.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import { type Adoption, adoptProjects } from './adopt-projects.js';
import { finishRemovals } from './finish-removals.js';
import { createProject, openProject, type OpenedProject } from './open-project.js';
import { type EntryKey, type EntryState, keyIdOrNull, keyOfEntry, makeKey, storedKeyOf, withEntries } from './project-entries.js';
import { nameEmptyProjects } from './memory-projects.js';
import { ProjectKeeper } from './project-keeper.js';
import { adviceOn, adviceWithoutEntry, EntryRefusedError, refusalCodeOf } from './refusal.js';
import { openOptionsOf, type ProjectResources } from './project-resources.js';
import { recallVersion } from './recall-version.js';
import { SERVER_LOG_NAME, ServerJournal } from './server-journal.js';
import type { StartProgress } from './start-progress.js';
import { leaveDisk, requireMovableFiles } from './storage-switch.js';
import { reportUnshownKey } from './unshown-key.js';

const DELETED_PROJECT_NAMED =
  'the configuration names a project that was deleted; it is not served. Remove its entry, or its revision to begin anew';

const LEFT_PROJECT_NAMED =
  'the entry of the configuration is from before the project left the disk; it goes on in memory, and its files are in "_left"';

const EDIT_HOLDS = 'the configuration was edited; the edit takes effect';
const ADOPTED_KEY_HOLDS = 'the API key that an adopted project was given takes effect';

const PROJECT_WITHOUT_ENTRY = 'a project on disk has no entry in the configuration; it is not served, its files stay';

/** What ends with a project that is served. */
type ServedOutcome = Extract<Outcome, { kind: 'done' | 'roll_forward' | 'edited' }>;

/** One entry on its way to being served. */
interface Opening {
  readonly entry: ProjectEntry;
  readonly settings: ProjectSettings;
  /** The open project, undefined when there is no log of that name. */
  readonly opened: OpenedProject | undefined;
  readonly history: ProjectHistory | 'absent';
}

/** How a start goes on. */
export interface StartOptions {
  readonly progress: StartProgress;
  /** Ends the start between any two lines of a log, throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Projects that get an entry first. */
  readonly adoption?: Adoption | undefined;
}

/** Starts all projects. */
class ProjectStart {
  readonly #resources: ProjectResources;
  readonly #journal: ServerJournal;
  readonly #keeper: ProjectKeeper;
  /** What the entries shall say in the end. */
  readonly #states: EntryState[] = [];
  readonly #context: CommandContext = { actor: ACTOR_CONFIG, requestId: `start-${newRequestId()}` };
  readonly #signal: AbortSignal | undefined;
  readonly #progress: StartProgress;
  readonly #adopted: readonly string[];

  constructor(resources: ProjectResources, started: StartedProjects, options: StartOptions & { readonly adopted: readonly string[] }) {
    this.#adopted = options.adopted;
    this.#progress = options.progress;
    this.#resources = resources;
    this.#journal = started.journal;
    this.#keeper = started.keeper;
    this.#signal = options.signal;
  }

  get #logger(): Logger {
    return this.#resources.logger;
  }

  async run(): Promise<void> {
    const { config } = this.#resources;
    await finishRemovals(this.#resources, this.#journal, this.#keeper.unmoved);
    await this.#recordDefaultKey();
    for (const entry of config.document.projects) {
      this.#signal?.throwIfAborted();
      await this.#progress.opening(entry.id, () => this.#startEntry(entry));
      this.#progress.advance();
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
    let opening: Opening = { entry, settings, opened: undefined, history: 'absent' };
    try {
      opening = await this.#open(entry, settings);
      const outcome = this.#reconcile(opening);
      await this.#carryOut(opening, outcome);
    } catch (error) {
      await this.#keeper.release(entry.id);
      await opening.opened?.store.close();
      if (this.#signal?.aborted === true) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const code = refusalCodeOf(error);
      registry.refuse({ id: entry.id, code, reason, settings });
      this.#progress.refused += 1;
      const whatToDo = adviceOn(error, { project: entry.id, configPath: config.path });
      const facts = { project: entry.id, code, err: error, what_to_do: whatToDo };
      this.#logger.error(facts, 'the project is not served; nothing of it was changed');
    }
  }

  async #open(entry: ProjectEntry, settings: ProjectSettings): Promise<Opening> {
    const registration = this.#journal.registrations.get(entry.id);
    const absent: Opening = { entry, settings, opened: undefined, history: 'absent' };
    const isRegistered = registration?.state === 'live';
    // A project that is on disk and whose entry says otherwise takes its data along.
    if (!settings.storage.on_disk && !isRegistered) return absent;
    const opened = await openProject(entry.id, {
      ...openOptionsOf(this.#resources, entry.id, { ...settings, storage: { ...settings.storage, on_disk: true } }),
      // The log of a deletion that could not be finished has the same name and is not this entry's.
      expectedLogId: isRegistered ? registration.logId : undefined,
      firstKeptSeq: isRegistered ? registration.firstKeptSeq : this.#firstKeptUnasked(),
      provenSeq: isRegistered ? registration.provenSeq : undefined,
      signal: this.#signal,
      onReplayed: this.#progress.replayed,
    });
    if (opened === undefined) return absent;
    const { first, newest } = opened.model.state;
    if (first === undefined || newest === undefined) return { ...absent, opened };
    const { log, model: { state } } = opened;
    const gap = await recallVersion({ log, state, logger: this.#logger }, entry.revision);
    return { entry, settings, opened, history: historyOf(state.versions, gap) };
  }

  /** Without a registry to ask, what a snapshot covers may have been removed on purpose; only what follows it must be there. */
  #firstKeptUnasked(): number | undefined {
    return this.#journal.isCorrupt ? Number.MAX_SAFE_INTEGER : undefined;
  }

  #reconcile({ entry, history, opened }: Opening): Outcome {
    const { config } = this.#resources;
    const registration = this.#journal.registrations.get(entry.id);
    // Without a registry to ask, a log that is there counts as registered.
    const assumed = this.#journal.isCorrupt && opened !== undefined ? { logId: opened.log.logId } : undefined;
    // A log that came after the one that was deleted or left has not been registered, whatever is said of that one.
    const isOther = opened !== undefined && registration !== undefined && opened.log.logId !== registration.logId;
    const known = registration?.state === 'live' ? { logId: registration.logId } : isOther ? undefined : registration?.state;
    return reconcile(viewEntry(entry, config.document), { registered: known ?? assumed, serverLogPresent: true, log: history });
  }

  async #carryOut(opening: Opening, outcome: Outcome): Promise<void> {
    const { entry, opened } = opening;
    switch (outcome.kind) {
      case 'refuse':
        throw new EntryRefusedError(outcome);
      case 'deleted':
        await opened?.store.close();
        this.#logger.warn({ project: entry.id }, DELETED_PROJECT_NAMED);
        this.#resources.keyring.removeProject(entry.id);
        return;
      case 'create':
        await this.#create(opening);
        return;
      case 'memory':
        if (outcome.isStale) this.#logger.warn({ project: entry.id }, LEFT_PROJECT_NAMED);
        // The log that left: its files could not be moved away yet.
        await opened?.store.close();
        await this.#create({ ...opening, opened: undefined, settings: mergeSettings(opening.settings, { storage: { on_disk: false } }) });
        return;
      case 'adopt':
        await this.#adopt(opening, outcome.then);
        return;
      default:
        await this.#serveReconciled(opening, outcome);
    }
  }

  async #adopt(opening: Opening, then: Outcome): Promise<void> {
    if (then.kind !== 'refuse' && opening.opened !== undefined) {
      this.#logger.info({ project: opening.entry.id }, 'a log that was not registered yet is registered');
      await this.#journal.record({ op: 'project.created', id: opening.entry.id, log_id: opening.opened.log.logId }, this.#context);
    }
    await this.#carryOut(opening, then);
  }

  /** A new project by its entry. Its log may be there already, empty: a crash came before its first event. */
  async #create({ entry, settings, opened }: Opening): Promise<void> {
    const key = keyOfEntry(entry);
    if (settings.storage.on_disk) this.#journal.requireSound();
    const created = opened ?? (await createProject(entry.id, {
      ...openOptionsOf(this.#resources, entry.id, settings), logId: randomHexId(),
    }));
    const { store } = created;
    const registration = { op: 'project.created', id: entry.id, log_id: store.logId } as const;
    try {
      await store.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, this.#context);
      if (settings.storage.on_disk) await this.#journal.record(registration, this.#context);
    } catch (error) {
      await store.close();
      throw error;
    }
    this.#serve(created, key);
  }

  async #serveReconciled({ entry, opened }: Opening, outcome: ServedOutcome): Promise<void> {
    if (opened === undefined) throw new AppError('project_corrupt', 'Cannot serve the project: it has no log');
    const { store } = opened;
    let key = keyOfEntry(entry);
    if (!(await this.#isTakenOver(store, outcome, key))) {
      // The entry stays as it is, so that the next start finds the edit again.
      this.#keeper.serve(opened);
      return;
    }
    if (!store.settings.storage.on_disk && !(await this.#isLeft(store))) {
      // Here too: an entry without a revision would be one of a project in memory, and its data would be passed over.
      if (store.logState === 'closed') {
        // Nobody can say whether it has left: it is read only until the next start, and nothing works on its files.
        this.#resources.registry.serve(store);
      } else {
        this.#keeper.serve(opened);
        this.#keeper.applyStorage(store);
      }
      return;
    }
    if (store.settings.authentication.enabled && key.apiKeyHash === null) key = await this.#makeMissingKey(store);
    this.#serve(opened, key);
  }

  /** The entry was edited, or a crash came between the update and the rest. What cannot leave is served from where it is. */
  async #isLeft(store: ProjectStore): Promise<boolean> {
    try {
      store.setCaching(true);
      await store.loadAll(this.#signal);
      await requireMovableFiles(this.#resources.diskHome, store.id);
      const command = { type: 'project.update', change: store.settings } as const;
      const { unmoved } = this.#keeper;
      await leaveDisk(this.#resources, { store, journal: this.#journal, unmoved, command, context: this.#context });
      this.#logger.info({ project: store.id }, 'the project left the disk and goes on in memory, as the configuration says');
      return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const message = 'the project is to leave the disk and could not; it goes on there, and the next start tries again';
      this.#logger.warn({ project: store.id, err: error }, message);
      return false;
    }
  }

  #serve(opened: OpenedProject, key: EntryKey): void {
    const { store } = opened;
    const { settings, seq } = store.version;
    this.#keeper.serve(opened);
    this.#keeper.applyStorage(store);
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
    const { id } = store;
    if (outcome.names.length === 0) await this.#recordKey(store, keyId);
    else await store.submit({ type: 'project.update', change, keyId: outcome.keyChanged ? keyId : store.version.keyId }, this.#context);
    this.#logger.info({ project: store.id, changed }, this.#adopted.includes(id) ? ADOPTED_KEY_HOLDS : EDIT_HOLDS);
    await this.#recordInJournal(store.id, changed, keyId);
  }

  async #recordKey(store: ProjectStore, keyId: string | null): Promise<void> {
    await store.submit({ type: 'project.key', keyId }, this.#context);
  }

  /** An older copy of the configuration was put back that knows no key, and the log says that one is needed. */
  async #makeMissingKey(store: ProjectStore): Promise<EntryKey> {
    const { announceKey, keyring } = this.#resources;
    const { key, entryKey } = makeKey(store.settings);
    if (!announceKey(store.id, key)) reportUnshownKey(this.#logger, store.id);
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

  /** For audit only: a full disk or a damaged registry does not keep anybody from being served. */
  async #recordInJournal(scope: string, changed: readonly string[], keyId: string | null): Promise<void> {
    if (this.#journal.isCorrupt) return;
    try {
      await this.#journal.record({ op: 'config.edited', scope, changed, key_id: keyId }, this.#context);
    } catch (error) {
      this.#logger.warn({ scope, err: error }, 'an edit of the configuration could not be recorded in the registry');
    }
  }

  /** Data without an entry stays where it is; somebody should know that it is there. */
  async #nameUnserved(): Promise<void> {
    const { config, diskHome } = this.#resources;
    const named = new Set(config.document.projects.map(({ id }) => id));
    for (const id of this.#journal.registrations.liveIds.filter((live) => !named.has(live))) {
      const files = await diskHome.namesOf(id);
      this.#logger.warn({ project: id, files, what_to_do: adviceWithoutEntry(config.path) }, PROJECT_WITHOUT_ENTRY);
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

/** What a start leaves to go on with. */
export interface StartedProjects {
  /** The registry. */
  readonly journal: ServerJournal;
  /** What keeps the projects that are served. */
  readonly keeper: ProjectKeeper;
}

/**
 * Starts all projects of the configuration.
 *
 * @param resources what projects are made of; the registry is filled
 * @param options who counts, what ends the start, and what is adopted first
 * @returns the registry, and what keeps the projects
 * @throws {ConfigError} when the data folder is not the one that the configuration speaks of
 */
export async function startProjects(resources: ProjectResources, options: StartOptions): Promise<StartedProjects> {
  const { config } = resources;
  const found = await options.progress.opening(SERVER_LOG_NAME, () => ServerJournal.open(resources));
  const refusal = mustRefuseToStart(config.document.projects, { isPresent: found !== undefined, configPath: config.path });
  if (refusal !== undefined) throw refusal;
  const journal = found ?? (await ServerJournal.create(resources));
  const started = { journal, keeper: new ProjectKeeper(resources, journal) };
  try {
    const adopted = options.adoption === undefined ? [] : await adoptProjects(resources, journal, options.adoption);
    await new ProjectStart(resources, started, { ...options, adopted }).run();
    nameEmptyProjects(resources);
    started.keeper.start();
    return started;
  } catch (error) {
    await started.keeper.close(0);
    await journal.close();
    throw error;
  }
}
