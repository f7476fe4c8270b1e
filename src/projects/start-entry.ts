/**
 * The start of one project by its entry in the configuration: its log is opened, and entry and log are brought together as
 * `config/reconcile.ts` decides. A project that cannot be trusted is named and not served.
 */
import { AppError } from '../base/app-error.js';
import type { Logger } from '../base/logger.js';
import { randomHexId } from '../base/random-id.js';
import type { ProjectEntry } from '../config/config-document.js';
import { effectiveSettings, viewEntry } from '../config/effective-settings.js';
import { type ProjectHistory, historyOf } from '../config/project-history.js';
import { type Outcome, reconcile, refuseOlderLog, revivesKey } from '../config/reconcile.js';
import { mergeSettings, type ProjectSettings } from '../events/project-settings.js';
import type { ProvenSeq } from '../log/log.js';
import type { Registration } from '../projections/registrations.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import type { EntryEdits, ServedOutcome } from './entry-edits.js';
import { createProject, openProject, type OpenedProject } from './open-project.js';
import { type EntryKey, type EntryState, keyIdOrNull, keyOfEntry, storedKeyOf } from './project-entries.js';
import type { ProjectMaintenance } from './project-maintenance.js';
import { openOptionsOf, type ProjectResources } from './project-resources.js';
import { recallVersion } from './recall-version.js';
import { adviceOn, adviceOnRevivedKey, EntryRefusedError, refusalCodeOf } from './refusal.js';
import type { ServerJournal } from './server-journal.js';
import type { StartProgress } from './start-progress.js';
import { leaveDisk, requireMovableFiles } from './storage-switch.js';

const DELETED_PROJECT_NAMED =
  'the configuration names a project that was deleted; it is not served. Remove its entry, or its revision to begin anew';

const LEFT_PROJECT_NAMED =
  'the entry of the configuration is from before the project left the disk; it goes on in memory, and its files are in "_left"';

const REVIVED_KEY = 'the entry of the configuration is older than the log: its API key, which was replaced since, holds again';

/** One entry on its way to being served. */
interface Opening {
  readonly entry: ProjectEntry;
  readonly settings: ProjectSettings;
  /** The open project, undefined when there is no log of that name. */
  readonly opened: OpenedProject | undefined;
  readonly history: ProjectHistory | 'absent';
}

/** What it takes. */
export interface EntryStartParts {
  readonly resources: ProjectResources;
  readonly journal: ServerJournal;
  readonly maintenance: ProjectMaintenance;
  readonly edits: EntryEdits;
  /** Who changes what the configuration changes. */
  readonly context: CommandContext;
  readonly progress: StartProgress;
  /** Ends the start between any two lines of a log, throwing its reason. */
  readonly signal: AbortSignal | undefined;
}

/** Starts one project after another. */
export class EntryStart {
  readonly #resources: ProjectResources;
  readonly #journal: ServerJournal;
  readonly #maintenance: ProjectMaintenance;
  readonly #edits: EntryEdits;
  readonly #context: CommandContext;
  readonly #progress: StartProgress;
  readonly #signal: AbortSignal | undefined;
  readonly #states: EntryState[] = [];

  /** @param parts what projects are made of, and who counts and ends the start */
  constructor(parts: EntryStartParts) {
    this.#resources = parts.resources;
    this.#journal = parts.journal;
    this.#maintenance = parts.maintenance;
    this.#edits = parts.edits;
    this.#context = parts.context;
    this.#progress = parts.progress;
    this.#signal = parts.signal;
  }

  get #logger(): Logger {
    return this.#resources.logger;
  }

  /** What the entries of the projects started so far have to say. */
  get states(): readonly EntryState[] {
    return this.#states;
  }

  /**
   * Starts a project. One that cannot be served is refused and named.
   *
   * @throws the reason of the signal that ends the start
   */
  async start(entry: ProjectEntry): Promise<void> {
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
      await this.#maintenance.release(entry.id);
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
    const proven = isRegistered ? provenSeqOf(entry, registration) : undefined;
    const opened = await openProject(entry.id, {
      ...openOptionsOf(this.#resources, entry.id, { ...settings, storage: { ...settings.storage, on_disk: true } }),
      // The log of a deletion that could not be finished has the same name and is not this entry's.
      expectedLogId: isRegistered ? registration.logId : undefined,
      firstKeptSeq: isRegistered ? registration.firstKeptSeq : this.#firstKeptUnasked(),
      proven,
      signal: this.#signal,
      onReplayed: this.#progress.replayed,
    }).catch((error: unknown) => {
      if (proven?.by !== 'configuration' || refusalCodeOf(error) !== 'project_outdated' || !(error instanceof Error)) throw error;
      throw new EntryRefusedError(refuseOlderLog(`${JSON.stringify(entry.id)} has the revision ${entry.revision}, and ${error.message}`));
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

  /** An older copy of the configuration is taken at its word for the key, as an edit is; its operator has to know. */
  #warnOfRevivedKey({ entry, history }: Opening): void {
    if (history === 'absent' || !revivesKey(viewEntry(entry, this.#resources.config.document), history)) return;
    const revisions = { revision: entry.revision, newest_revision: history.newest.seq };
    this.#logger.warn({ project: entry.id, ...revisions, what_to_do: adviceOnRevivedKey(entry.id) }, REVIVED_KEY);
  }

  async #serveReconciled(opening: Opening, outcome: ServedOutcome): Promise<void> {
    const { entry, opened } = opening;
    if (opened === undefined) throw new AppError('project_corrupt', 'Cannot serve the project: it has no log');
    this.#warnOfRevivedKey(opening);
    const { store } = opened;
    let key = keyOfEntry(entry);
    if (!(await this.#edits.takeOver(store, outcome, key))) {
      // The entry stays as it is, so that the next start finds the edit again.
      this.#maintenance.serve(opened);
      return;
    }
    if (!store.settings.storage.on_disk && !(await this.#isLeft(store))) {
      // Here too: an entry without a revision would be one of a project in memory, and its data would be passed over.
      if (store.logState === 'closed') {
        // Whether it has left is unknown: it is read only until the next start, and nothing works on its files.
        this.#resources.registry.serve(store);
      } else {
        this.#maintenance.serve(opened);
        this.#maintenance.applyStorage(store);
      }
      return;
    }
    if (store.settings.authentication.enabled && key.apiKeyHash === null) key = await this.#edits.makeMissingKey(store);
    this.#serve(opened, key);
  }

  /** The entry was edited, or a crash came between the update and the rest. What cannot leave is served from where it is. */
  async #isLeft(store: ProjectStore): Promise<boolean> {
    try {
      store.setCaching(true);
      await store.loadAll(this.#signal);
      await requireMovableFiles(this.#resources.diskHome, store.id);
      const command = { type: 'project.update', change: store.settings } as const;
      const { unmoved } = this.#maintenance;
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
    this.#maintenance.serve(opened);
    this.#maintenance.applyStorage(store);
    this.#states.push({ id: store.id, settings, revision: settings.storage.on_disk ? seq : undefined, key });
  }
}

/** How far the log went at least. The revision of an entry is the seq of a change that was durable before the entry named it. */
function provenSeqOf({ revision = 0 }: ProjectEntry, { provenSeq = 0 }: Registration): ProvenSeq {
  return revision > provenSeq ? { seq: revision, by: 'configuration' } : { seq: provenSeq, by: 'registry' };
}
