/**
 * Adopts projects: gives an entry to those in the data folder that have none, because the configuration was lost. Settings come from the
 * newest project event of each log. Only its owner knows the old API key, so each project gets a new one.
 *
 * Keys are shown before the file with their hashes is written. The rest of the startup finds entries whose key differs from the log, as
 * after an edit by hand, and records it. After a crash in between, the next startup shows other keys.
 */
import { AppError } from '../../base/app-error.js';
import { effectiveSettings } from '../../config/effective-settings.js';
import { openProject } from '../open-project.js';
import { type EntryState, makeKey, NO_KEY, withEntries } from '../project-entries.js';
import { openOptionsOf, type ProjectServices } from '../project-resources.js';
import { adviceOn } from '../refusal.js';

/** A requested adoption. */
export interface Adoption {
  /** Projects to adopt; those with an entry are skipped. */
  readonly ids: readonly string[];
  /** Shows a new key, once. Throws if it could not be shown. */
  readonly announce: (project: string, key: string) => void;
}

/** The result of an adoption. */
export interface AdoptedProjects {
  /** Projects that have an entry now. */
  readonly adopted: readonly string[];
  /** Projects that could not be read; the server log has each with advice. */
  readonly unreadable: readonly string[];
}

/**
 * Writes the entries. A project that cannot be read has unknown settings: it is logged and left as it is.
 *
 * @throws {AppError} `config_write_failed`; and the errors of `announce`
 */
export async function adoptProjects(services: ProjectServices, { ids, announce }: Adoption): Promise<AdoptedProjects> {
  const { config, logger } = services;
  const named = new Set(config.document.projects.map(({ id }) => id));
  const states: EntryState[] = [];
  const unreadable: string[] = [];
  for (const id of ids.filter((candidate) => !named.has(candidate))) {
    try {
      states.push(await readState(services, id));
    } catch (error) {
      unreadable.push(id);
      const whatToDo = `${adviceOn(error, { project: id, configPath: config.path })}. Then adopt again`;
      const message = 'a project cannot be adopted because it cannot be read; no acknowledged data was changed';
      logger.error({ project: id, err: error, what_to_do: whatToDo }, message);
    }
  }
  if (states.length === 0) return { adopted: [], unreadable };
  const keyed = states.map((state) => (state.settings.authentication.enabled ? withNewKey(state, announce) : state));
  await config.update((document) => withEntries(document, keyed));
  for (const { id, revision, settings } of keyed) {
    const given = settings.authentication.enabled ? 'an entry and a new API key' : 'an entry, and needs no API key';
    logger.warn({ project: id, revision }, `a project was adopted: it has ${given}`);
  }
  return { adopted: keyed.map(({ id }) => id), unreadable };
}

/** Opens and closes the project; the rest of the startup opens it by its entry, like any other. */
async function readState(services: ProjectServices, id: string): Promise<EntryState> {
  const { config, registry } = services;
  const settings = effectiveSettings({}, config.document);
  const registration = registry.registrations.get(id);
  const opened = await openProject(id, {
    ...openOptionsOf(services, id, { ...settings, storage: { ...settings.storage, on_disk: true, cache_in_memory: false } }),
    expectedLogId: registration?.logId,
    firstKeptSeq: registration === undefined && registry.isCorrupt ? Number.MAX_SAFE_INTEGER : registration?.firstKeptSeq,
  });
  if (opened === undefined) throw new AppError('project_missing', `Cannot adopt the project "${id}": its log is not in the data folder`);
  const { newest } = opened.model.state;
  await opened.store.close();
  if (newest === undefined) throw new AppError('project_corrupt', `Cannot adopt the project "${id}": its log has no settings`);
  return { id, settings: newest.settings, revision: newest.seq, key: NO_KEY };
}

function withNewKey(state: EntryState, announce: Adoption['announce']): EntryState {
  const { key, entryKey } = makeKey(state.settings);
  announce(state.id, key);
  return { ...state, key: entryKey };
}
