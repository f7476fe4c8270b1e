/**
 * Starts one project: opens its log and reconciles it with its entry in the configuration, as `config/reconcile.ts` decides. A project
 * whose files cannot be trusted is logged and refused.
 */
import { AppError } from '../../base/app-error.js';
import type { Logger } from '../../base/logger.js';
import { randomHexId } from '../../base/random-id.js';
import { listedKeyOf } from '../../config/api-key-entries.js';
import type { ConfigDocument, ProjectEntry } from '../../config/config-document.js';
import { effectiveSettings, viewEntry } from '../../config/effective-settings.js';
import { type ProjectHistory, historyOf } from '../../config/project-history.js';
import { type Outcome, reconcile, refuseOlderLog, revivesKey } from '../../config/reconcile.js';
import { mergeSettings, type ProjectSettings } from '../../events/project-settings.js';
import type { ProvenSeq } from '../../log/log-home.js';
import type { Registration } from '../../projections/registrations.js';
import type { CommandContext } from '../../store/command.js';
import type { ProjectStore } from '../../store/project-store.js';
import { moveToMemory, refuseWhileErasing, requireMovableFiles } from '../changes/move-to-memory.js';
import { isErasureDue } from '../erasure-due.js';
import { openNewProject, type OpenedProject, openProject } from '../open-project.js';
import { type EntryKey, type EntryState, entryStateOf, keyIdOrNull, keyOfEntry, storedKeyOf } from '../project-entries.js';
import { openOptionsOf, type ProjectServices } from '../project-resources.js';
import { adviceOn, adviceOnRevivedKey, EntryRefusedError, refusalCodeOf } from '../refusal.js';
import { recordListedKeys } from './record-access.js';
import { makeMissingKey, recordEdits, type ServedOutcome } from './record-edits.js';
import { readerOf, recallVersion } from './recall-version.js';
import type { StartProgress } from './start-progress.js';

const DELETED_PROJECT_NAMED =
  'the configuration names a project that was deleted; it is not served. Remove its entry, or remove its revision to create it again';

const MOVED_PROJECT_NAMED =
  'the entry of the configuration is from before the project was moved to memory; the project starts empty, and its old files are kept';

const REVIVED_KEY =
  'the entry of the configuration is older than the log, so an API key that was replaced since then is accepted again';

/** One startup. */
export interface Startup {
  readonly services: ProjectServices;
  /** The actor and request of the changes that the configuration demands. */
  readonly context: CommandContext;
  /** Projects whose entries this startup has created. */
  readonly adopted: readonly string[];
  readonly progress: StartProgress;
  /** Ends the startup between any two lines of a log, by throwing its reason. */
  readonly signal: AbortSignal | undefined;
}

/** A project that is being started. */
interface Opening {
  readonly entry: ProjectEntry;
  readonly settings: ProjectSettings;
  /** The open project, undefined if there is no log of that name. */
  readonly opened: OpenedProject | undefined;
  readonly history: ProjectHistory | 'absent';
}

/**
 * Starts a project. One that cannot be served is logged and refused.
 *
 * @returns the new content of its entry; undefined if the entry stays as it is
 * @throws the reason of the signal that ends the startup
 */
export async function startProject(startup: Startup, entry: ProjectEntry): Promise<EntryState | undefined> {
  const { config, table, keyring, maintenance, logger } = startup.services;
  const { id } = entry;
  const settings = effectiveSettings(entry, config.document);
  // Set before the project is open: the key of a refused project belongs to that project only.
  keyring.setKey({ kind: 'project', project: id }, storedKeyOf(keyOfEntry(entry)));
  keyring.setListed({ kind: 'project', project: id }, (entry.authentication?.api_keys ?? []).map(listedKeyOf));
  let opening: Opening = { entry, settings, opened: undefined, history: 'absent' };
  try {
    opening = await open(startup, entry, settings);
    return await carryOut(startup, opening, reconcileEntry(startup.services, { ...opening, document: config.document }));
  } catch (error) {
    await maintenance.release(id);
    await opening.opened?.store.close();
    if (startup.signal?.aborted === true) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const code = refusalCodeOf(error);
    table.refuse({ id, code, reason, settings });
    startup.progress.refused += 1;
    const whatToDo = adviceOn(error, { project: id, configPath: config.path });
    logger.error({ project: id, code, err: error, what_to_do: whatToDo }, 'the project is not served; no acknowledged data was changed');
    return undefined;
  }
}

async function open({ services, signal, progress }: Startup, entry: ProjectEntry, settings: ProjectSettings): Promise<Opening> {
  const { registry, logger } = services;
  const registration = registry.registrations.get(entry.id);
  const absent: Opening = { entry, settings, opened: undefined, history: 'absent' };
  const isRegistered = registration?.state === 'live';
  // A project on disk whose entry says otherwise moves with its data.
  if (!settings.storage.on_disk && !isRegistered) return absent;
  const proven = isRegistered ? provenSeqOf(entry, registration) : undefined;
  // Without a registry, segments that a snapshot covers may have been removed on purpose; only later lines must exist.
  const firstKeptUnregistered = registry.isCorrupt ? Number.MAX_SAFE_INTEGER : undefined;
  const opened = await openProject(entry.id, {
    ...openOptionsOf(services, entry.id, { ...settings, storage: { ...settings.storage, on_disk: true } }),
    // The log of an unfinished deletion has the same name, but does not belong to this entry.
    expectedLogId: isRegistered ? registration.logId : undefined,
    firstKeptSeq: isRegistered ? registration.firstKeptSeq : firstKeptUnregistered,
    proven,
    signal,
    onReplayed: progress.replayed,
  }).catch((error: unknown) => {
    if (proven?.by !== 'configuration' || refusalCodeOf(error) !== 'project_outdated' || !(error instanceof Error)) throw error;
    throw new EntryRefusedError(refuseOlderLog(`${JSON.stringify(entry.id)} has the revision ${entry.revision}, and ${error.message}`));
  });
  if (opened === undefined) return absent;
  const { first, newest } = opened.model.state;
  if (first === undefined || newest === undefined) return { ...absent, opened };
  const { log, model: { state } } = opened;
  const gap = await recallVersion(readerOf(log), state, entry.revision, logger);
  return { entry, settings, opened, history: historyOf(state.versions, gap, state.access.lastSeq) };
}

/** The seq that the log must have reached. The revision of an entry is the seq of a change that was durable before it was written. */
function provenSeqOf({ revision = 0 }: ProjectEntry, { provenSeq = 0 }: Registration): ProvenSeq {
  return revision > provenSeq ? { seq: revision, by: 'configuration' } : { seq: provenSeq, by: 'registry' };
}

/** An entry and the log of its project. */
interface Compared {
  readonly entry: ProjectEntry;
  /** The document that the entry is in. */
  readonly document: ConfigDocument;
  readonly history: ProjectHistory | 'absent';
  /** The open project, undefined if there is no log of that name. */
  readonly opened: { readonly store: Pick<ProjectStore, 'logId'> } | undefined;
}

/** Compares an entry with the log of its project and with the registry. */
export function reconcileEntry({ registry }: Pick<ProjectServices, 'registry'>, compared: Compared): Outcome {
  const { entry, document, history, opened } = compared;
  const registration = registry.registrations.get(entry.id);
  const logId = opened?.store.logId;
  // Without a registry, an existing log counts as registered.
  const assumed = registry.isCorrupt && logId !== undefined ? { logId } : undefined;
  // A log newer than the one that was deleted or left is not registered yet, whatever the registry says of that one.
  const isOther = logId !== undefined && registration !== undefined && logId !== registration.logId;
  const known = registration?.state === 'live' ? { logId: registration.logId } : isOther ? undefined : registration?.state;
  return reconcile(viewEntry(entry, document), { registered: known ?? assumed, hasRegistry: true, log: history });
}

async function carryOut(startup: Startup, opening: Opening, outcome: Outcome): Promise<EntryState | undefined> {
  const { keyring, logger } = startup.services;
  const { entry, opened } = opening;
  switch (outcome.kind) {
    case 'refuse':
      throw new EntryRefusedError(outcome);
    case 'deleted':
      await opened?.store.close();
      logger.warn({ project: entry.id }, DELETED_PROJECT_NAMED);
      keyring.removeProject(entry.id);
      return undefined;
    case 'create':
      return await create(startup, opening);
    case 'memory':
      if (outcome.isStale) logger.warn({ project: entry.id }, MOVED_PROJECT_NAMED);
      // The log that the project left: its files could not be moved yet.
      await opened?.store.close();
      return await create(startup, {
        ...opening, opened: undefined, settings: mergeSettings(opening.settings, { storage: { on_disk: false } }),
      });
    case 'adopt':
      return await adopt(startup, opening, outcome.then);
    default:
      return await serveReconciled(startup, opening, outcome);
  }
}

async function adopt(startup: Startup, opening: Opening, then: Outcome): Promise<EntryState | undefined> {
  const { registry, logger } = startup.services;
  const { entry: { id }, opened } = opening;
  if (then.kind !== 'refuse' && opened !== undefined) {
    logger.info({ project: id }, 'an unregistered log is registered');
    await registry.record({ op: 'project.created', id, log_id: opened.log.logId }, startup.context);
  }
  return await carryOut(startup, opening, then);
}

/** Creates a project by its entry. An empty log may exist, if a crash came before its first event. */
async function create({ services, context }: Startup, { entry, settings, opened }: Opening): Promise<EntryState> {
  const { registry } = services;
  const key = keyOfEntry(entry);
  const { on_disk: onDisk } = settings.storage;
  if (onDisk) registry.requireSound();
  const created = opened ?? (await openNewProject(entry.id, { ...openOptionsOf(services, entry.id, settings), logId: randomHexId() }));
  const { store } = created;
  try {
    await store.submit({ type: 'project.create', settings, keyId: keyIdOrNull(key) }, context);
    if (onDisk) await registry.record({ op: 'project.created', id: entry.id, log_id: store.logId }, context);
  } catch (error) {
    await store.close();
    throw error;
  }
  await recordListedKeys({ services, context }, store, entry);
  return serve(services, created, key);
}

async function serveReconciled(startup: Startup, opening: Opening, outcome: ServedOutcome): Promise<EntryState | undefined> {
  const { services } = startup;
  const { entry, opened } = opening;
  if (opened === undefined) throw new AppError('project_corrupt', 'Cannot serve the project: it has no log');
  warnOfRevivedKey(services, opening);
  const { store } = opened;
  const key = keyOfEntry(entry);
  const isRecorded = await recordEdits(startup, store, outcome, key);
  await recordListedKeys(startup, store, entry);
  if (!isRecorded) {
    // The entry stays as it is, so that the next startup finds the edit again.
    services.maintenance.serve(opened);
    return undefined;
  }
  if (!store.settings.storage.on_disk && !(await leaveDisk(startup, opened))) {
    // The entry stays here too: without a revision it would be one of a project in memory, and the data would be ignored.
    if (store.logState === 'closed') {
      // It is unknown whether the move was recorded: the project is read-only until the next startup, and nothing works on its files.
      services.table.serve(store);
    } else {
      services.maintenance.serve(opened);
      services.maintenance.applyStorage(store);
    }
    return undefined;
  }
  const isKeyMissing = store.settings.authentication.enabled && key.apiKeyHash === null;
  return serve(services, opened, isKeyMissing ? await makeMissingKey(startup, store) : key);
}

/** The key of an older copy of the configuration is accepted like an edit, but the operator has to know. */
function warnOfRevivedKey({ config, logger }: ProjectServices, { entry, history }: Opening): void {
  if (history === 'absent' || !revivesKey(viewEntry(entry, config.document), history)) return;
  reportRevivedKey(logger, entry, history.newest.seq);
}

/** Warns that an API key that was replaced is accepted again. */
export function reportRevivedKey(logger: Logger, { id, revision }: ProjectEntry, newestRevision: number): void {
  const facts = { project: id, revision, newest_revision: newestRevision, what_to_do: adviceOnRevivedKey(id) };
  logger.warn(facts, REVIVED_KEY);
}

/** Moves the project to memory: the entry was edited, or a crash interrupted the move. If that fails, it is served from disk. */
async function leaveDisk({ services, context, signal }: Startup, opened: OpenedProject): Promise<boolean> {
  const { diskHome, logger } = services;
  const { store } = opened;
  try {
    refuseWhileErasing(store.id, isErasureDue(opened, opened.generations));
    store.setCaching(true);
    await store.reads.loadAll(signal);
    await requireMovableFiles(diskHome, store.id);
    await moveToMemory(services, store, { command: { type: 'project.update', change: store.settings }, context });
    logger.info({ project: store.id }, 'the project moved from disk to memory, as the configuration says');
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = 'the project could not be moved from disk to memory; it stays on disk, and the next startup retries';
    logger.warn({ project: store.id, err: error }, message);
    return false;
  }
}

function serve({ maintenance }: ProjectServices, opened: OpenedProject, key: EntryKey): EntryState {
  maintenance.serve(opened);
  maintenance.applyStorage(opened.store);
  return entryStateOf(opened.store, key);
}
