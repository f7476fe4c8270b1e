/**
 * Carries out the plan of a reload, one project after another, in the turn in which projects change. The file has the edits already: after
 * a crash at any point, the next start finds what is not done and does it.
 *
 * A project that fails keeps its settings, and does not keep the others from theirs.
 */
import { AppError } from '../../base/app-error.js';
import { logFailure } from '../../base/log-failure.js';
import { listedKeyOf } from '../../config/api-key-entries.js';
import { diffSettings } from '../../events/project-settings.js';
import type { CommandContext } from '../../store/command.js';
import { updateProject } from '../changes/update-project.js';
import {
  type EntryState, entryStateOf, keyIdOrNull, keyOfEntry, reportUnshownKey, storedKeyOf, writeEntry,
} from '../project-entries.js';
import type { ProjectServices } from '../project-resources.js';
import { recordGlobalKeys, recordListedKeys } from '../start/record-access.js';
import { EDIT_APPLIED, recordDefaultKey, recordInRegistry } from '../start/record-edits.js';
import { reportRevivedKey, startProject } from '../start/start-project.js';
import { StartProgress } from '../start/start-progress.js';
import { warnOfProjectWithoutEntry } from '../start/start-projects.js';
import { type ComparedStep, foreseen, type ReloadStep, reportOf } from './plan-reload.js';
import type { ReloadedProject } from './reload-outcome.js';

const FAILED = 'an edit of the configuration could not be applied to a project; the next reload or start tries again';
const ENDED_IN_MEMORY = 'a project in memory is no longer in the configuration; its data ends';
const NOT_CLOSED = 'the log of a project that is no longer served could not be closed';
const OPEN_TO_EVERY_PAGE =
  'the project is not served: by its log, authentication is off for it, and allowed_origins has "*": every web page could change it';
const ENTRY_NOT_WRITTEN = 'the configuration could not be brought up to date; the next startup retries';

/** One reload. */
export interface Reloading {
  readonly services: ProjectServices;
  readonly context: CommandContext;
  /** Ends it between two projects, and between any two lines of a log that is opened. */
  readonly signal: AbortSignal;
  /** True if pages of every origin may read answers: then no project may be open. */
  readonly isForEveryOrigin: boolean;
}

/** Puts the API keys of `default` into force. The configuration has them already. */
export async function applyGlobalKeys({ services, context }: Pick<Reloading, 'services' | 'context'>): Promise<void> {
  const { keyring, config: { document } } = services;
  const { api_key_hash: hash = null, api_key: plain = null, api_keys: listed = [] } = document.default?.authentication ?? {};
  keyring.setKey({ kind: 'global' }, hash === null ? null : { hash, plain });
  keyring.setListed({ kind: 'global' }, listed.map(listedKeyOf));
  // In the same turn of the event loop: an older copy of the file may list a key that was revoked.
  await recordGlobalKeys({ services, context });
  await recordDefaultKey({ services, context, adopted: [] });
}

/**
 * Carries out a plan.
 *
 * @returns what became of each project of the plan
 * @throws the reason of the signal
 */
export async function applyReload(reloading: Reloading, steps: readonly ReloadStep[]): Promise<readonly ReloadedProject[]> {
  const reports: ReloadedProject[] = [];
  for (const step of steps) {
    reloading.signal.throwIfAborted();
    reports.push(await applyStep(reloading, step));
  }
  return reports;
}

async function applyStep(reloading: Reloading, step: ReloadStep): Promise<ReloadedProject> {
  const { services: { logger }, signal } = reloading;
  const id = step.kind === 'end' ? step.id : step.entry.id;
  try {
    if (step.kind === 'end') return await endProject(reloading.services, id);
    return step.kind === 'start' ? await start(reloading, step) : await follow(reloading, step);
  } catch (error) {
    signal.throwIfAborted();
    logger.error({ project: id, err: error }, FAILED);
    return { id, outcome: 'failed' };
  }
}

async function start(
  { services, context, signal, isForEveryOrigin }: Reloading, step: ReloadStep & { readonly kind: 'start' },
): Promise<ReloadedProject> {
  const { registry, table, config } = services;
  // Whether the last change of the registry is on disk is unknown, and with it which files belong to a project.
  if (registry.state === 'failed') throw new AppError('log_failed', 'Cannot start a project: the registry has failed');
  const { entry } = step;
  const expected = foreseen(services, config.document, step);
  const progress = new StartProgress(() => 1, services);
  const state = await startProject({ services, context, adopted: [], progress, signal }, entry);
  if (state !== undefined) await tryToWrite(services, state);
  const found = table.get(entry.id);
  if (found?.kind === 'served' && isForEveryOrigin && found.store.isOpenScope) {
    services.logger.error({ project: entry.id }, OPEN_TO_EVERY_PAGE);
    await endProject(services, entry.id);
    return { id: entry.id, outcome: 'refused' };
  }
  if (found?.kind === 'served') return expected;
  return { id: entry.id, outcome: found === undefined ? 'not_served' : 'refused' };
}

/** Makes a served project follow its entry, API keys first: an edit may close the project and give it a key. */
async function follow(reloading: Reloading, step: ComparedStep): Promise<ReloadedProject> {
  const { services, context } = reloading;
  const { keyring, logger, announceKey } = services;
  const { entry, store, names, settings } = step;
  const { id } = entry;
  const scope = { kind: 'project', project: id } as const;
  const key = keyOfEntry(entry);
  const keyId = keyIdOrNull(key);
  if (step.isKeyRevived) reportRevivedKey(logger, entry, store.revision);
  const setKey = (): void => keyring.setKey(scope, storedKeyOf(key));
  if (keyId === store.version.keyId) setKey();
  else await store.submitAlone({ type: 'project.key', keyId }, context, setKey);
  keyring.setListed(scope, (entry.authentication?.api_keys ?? []).map(listedKeyOf));
  await recordListedKeys({ services, context }, store, entry);
  if (names.length > 0) {
    const { change } = diffSettings(store.settings, settings);
    const { apiKey } = await updateProject(services, store, change, context);
    if (apiKey !== null && !announceKey(id, apiKey)) reportUnshownKey(logger, id);
  } else {
    await tryToWrite(services, entryStateOf(store, key));
  }
  const report = reportOf(step);
  if (report.changed !== undefined) {
    logger.info({ project: id, changed: report.changed }, EDIT_APPLIED);
    await recordInRegistry({ services, context, adopted: [] }, id, report.changed, keyId);
  }
  return report;
}

/** The log has what the entry is to say, so a failure costs nothing. */
async function tryToWrite({ config, logger }: ProjectServices, state: EntryState): Promise<void> {
  await writeEntry(config, state).catch(logFailure(logger, 'warn', { project: state.id }, ENTRY_NOT_WRITTEN));
}

/** Stops serving a project, whose files stay. */
async function endProject(services: ProjectServices, id: string): Promise<ReloadedProject> {
  const { table, keyring, maintenance, logger } = services;
  const found = table.get(id);
  table.remove(id);
  keyring.removeProject(id);
  await maintenance.release(id);
  if (found?.kind === 'served') {
    const { store } = found;
    const { isOnDisk, values: { count: keys } } = store;
    await store.retire().catch(logFailure(logger, 'warn', { project: id }, NOT_CLOSED));
    if (!isOnDisk) logger.warn({ project: id, keys }, ENDED_IN_MEMORY);
  }
  if (services.registry.registrations.liveIds.includes(id)) await warnOfProjectWithoutEntry(services, id);
  return { id, outcome: 'not_served' };
}
