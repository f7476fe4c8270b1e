/**
 * The start: opens the registry, then every project of the configuration, and brings configuration and logs together
 * as `config/reconcile.ts` decides. A project that cannot be trusted is named and not served; the others are.
 */
import { logFailure } from '../base/log-failure.js';
import { randomHexId } from '../base/random-id.js';
import { mustRefuseToStart } from '../config/reconcile.js';
import { ACTOR_CONFIG } from '../events/actor.js';
import { type AdoptedProjects, type Adoption, adoptProjects } from './adopt-projects.js';
import { EntryEdits } from './entry-edits.js';
import { finishRemovals } from './finish-removals.js';
import { nameEmptyProjects } from './memory-projects.js';
import { type EntryState, withEntries } from './project-entries.js';
import { ProjectMaintenance } from './project-maintenance.js';
import type { ProjectResources } from './project-resources.js';
import { adviceWithoutEntry } from './refusal.js';
import { SERVER_LOG_NAME, ServerJournal } from './server-journal.js';
import { EntryStart } from './start-entry.js';
import type { StartProgress } from './start-progress.js';

const PROJECT_WITHOUT_ENTRY = 'a project on disk has no entry in the configuration; it is not served, its files stay';

/** How a start goes on. */
export interface StartOptions {
  readonly progress: StartProgress;
  /** Ends the start between any two lines of a log, throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Projects that get an entry first. */
  readonly adoption?: Adoption | undefined;
}

/** What a start leaves to go on with. */
export interface StartedProjects {
  /** The registry. */
  readonly journal: ServerJournal;
  /** What keeps the projects that are served. */
  readonly maintenance: ProjectMaintenance;
}

/**
 * Starts all projects of the configuration.
 *
 * @param resources what projects are made of; the registry is filled
 * @param options who counts, what ends the start, and what is adopted first
 * @throws {ConfigError} when the data folder is not the one that the configuration speaks of
 */
export async function startProjects(resources: ProjectResources, options: StartOptions): Promise<StartedProjects> {
  const { config } = resources;
  const found = await options.progress.opening(SERVER_LOG_NAME, () => ServerJournal.open(resources));
  const refusal = mustRefuseToStart(config.document.projects, { isPresent: found !== undefined, configPath: config.path });
  if (refusal !== undefined) throw refusal;
  const journal = found ?? (await ServerJournal.create(resources));
  const started = { journal, maintenance: new ProjectMaintenance(resources, journal) };
  try {
    const { adoption } = options;
    const outcome = adoption === undefined ? { adopted: [], unreadable: [] } : await adoptProjects(resources, journal, adoption);
    await startEntries(resources, started, { ...options, ...outcome });
    nameEmptyProjects(resources);
    started.maintenance.start();
    return started;
  } catch (error) {
    await started.maintenance.close(0);
    await journal.close();
    throw error;
  }
}

async function startEntries(
  resources: ProjectResources, { journal, maintenance }: StartedProjects, options: StartOptions & AdoptedProjects,
): Promise<void> {
  const { config } = resources;
  const { adopted, unreadable, progress, signal } = options;
  const context = { actor: ACTOR_CONFIG, requestId: `start-${randomHexId()}` };
  const edits = new EntryEdits({ resources, journal, context, adopted });
  const entries = new EntryStart({ resources, journal, maintenance, edits, context, progress, signal });
  await finishRemovals(resources, journal, maintenance.unmoved);
  await edits.recordDefaultKey();
  for (const entry of config.document.projects) {
    signal?.throwIfAborted();
    await progress.opening(entry.id, () => entries.start(entry));
    progress.advance();
  }
  signal?.throwIfAborted();
  await nameUnserved(resources, journal, unreadable);
  await writeEntries(resources, entries.states);
}

/**
 * Data without an entry stays where it is; the server log says that it is there. Of a project that has just failed to be adopted it says so
 * already, and the advice to adopt it would only repeat what failed.
 */
async function nameUnserved(
  { config, diskHome, logger }: ProjectResources, journal: ServerJournal, unreadable: readonly string[],
): Promise<void> {
  const named = new Set([...config.document.projects.map(({ id }) => id), ...unreadable]);
  for (const id of journal.registrations.liveIds.filter((live) => !named.has(live))) {
    const files = await diskHome.namesOf(id);
    logger.warn({ project: id, files, what_to_do: adviceWithoutEntry(config.path) }, PROJECT_WITHOUT_ENTRY);
  }
}

async function writeEntries({ config, logger }: ProjectResources, states: readonly EntryState[]): Promise<void> {
  const updated = config.update((document) => {
    const next = withEntries(document, states);
    return JSON.stringify(next) === JSON.stringify(document) ? document : next;
  });
  const message = 'the configuration could not be brought up to date; the next start tries again';
  await updated.catch(logFailure(logger, 'warn', {}, message));
}
