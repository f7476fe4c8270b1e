/**
 * Gives an entry to projects that lie in the data folder and have none: their configuration was lost. Settings come from the newest
 * project event of each log; the old API key is known to no one but its holder, so each gets a new one.
 *
 * Keys are shown before the file that holds their hashes counts. The next step of the start finds entries whose key is not the
 * one that the log names, as after an edit by hand, and brings it into the log. A crash in between shows other keys the next time.
 */
import { AppError } from '../base/app-error.js';
import { effectiveSettings } from '../config/effective-settings.js';
import { openProject } from './open-project.js';
import { type EntryKey, type EntryState, makeKey, withEntries } from './project-entries.js';
import { adviceOn } from './refusal.js';
import { openOptionsOf, type ProjectResources } from './project-resources.js';
import type { ServerJournal } from './server-journal.js';

const NO_KEY: EntryKey = { apiKey: null, apiKeyHash: null };

/** What is adopted, and who learns the keys. */
export interface Adoption {
  /** Projects to be adopted; those that have an entry are passed over. */
  readonly ids: readonly string[];
  /** Shows a new key, once. Throws when it could not be shown. */
  readonly announce: (project: string, key: string) => void;
}

/** What became of an adoption. */
export interface AdoptedProjects {
  /** Projects that have an entry now. */
  readonly adopted: readonly string[];
  /** Projects that could not be read; the server log has named each with what to do. */
  readonly unreadable: readonly string[];
}

/**
 * Writes the entries. A project that cannot be read is named and left as it is: its settings are not known.
 *
 * @throws {AppError} `config_write_failed`; and what `announce` throws
 */
export async function adoptProjects(
  resources: ProjectResources, journal: ServerJournal, { ids, announce }: Adoption,
): Promise<AdoptedProjects> {
  const { config, logger } = resources;
  const named = new Set(config.document.projects.map(({ id }) => id));
  const states: EntryState[] = [];
  const unreadable: string[] = [];
  for (const id of ids.filter((candidate) => !named.has(candidate))) {
    try {
      states.push(await readState(resources, journal, id));
    } catch (error) {
      unreadable.push(id);
      const message = 'a project cannot be adopted, because it cannot be read; nothing of it was changed';
      const whatToDo = `${adviceOn(error, { project: id, configPath: config.path })}. Then adopt again`;
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

/** Opened and closed again: the start opens it by its entry, as any other. */
async function readState(resources: ProjectResources, journal: ServerJournal, id: string): Promise<EntryState> {
  const settings = effectiveSettings({}, resources.config.document);
  const registration = journal.registrations.get(id);
  const opened = await openProject(id, {
    ...openOptionsOf(resources, id, { ...settings, storage: { ...settings.storage, on_disk: true, cache_in_memory: false } }),
    expectedLogId: registration?.logId,
    firstKeptSeq: registration === undefined && journal.isCorrupt ? Number.MAX_SAFE_INTEGER : registration?.firstKeptSeq,
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
