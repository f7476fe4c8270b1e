/**
 * Startup: opens the registry and every project of the configuration, and reconciles configuration and logs as `config/reconcile.ts`
 * decides. A project that cannot be trusted is logged and refused; the others are served.
 */
import { logFailure } from '../../base/log-failure.js';
import { mustRefuseToStart } from '../../config/reconcile.js';
import { reportEmptyProjects } from '../memory-projects.js';
import { type EntryState, withEntries } from '../project-entries.js';
import { ProjectMaintenance } from '../project-maintenance.js';
import type { ProjectResources, ProjectServices } from '../project-resources.js';
import { adviceWithoutEntry } from '../refusal.js';
import { Registry, REGISTRY_NAME } from '../registry.js';
import { type AdoptedProjects, type Adoption, adoptProjects } from './adopt-projects.js';
import { configContext } from './config-context.js';
import { finishRemovals } from './finish-removals.js';
import { recordGlobalKeys } from './record-access.js';
import { recordDefaultKey } from './record-edits.js';
import { startProject } from './start-project.js';
import type { StartProgress } from './start-progress.js';

const PROJECT_WITHOUT_ENTRY = 'a project on disk has no entry in the configuration; it is not served, and its files are left in place';

/** Options of {@link startProjects}. */
export interface StartOptions {
  readonly progress: StartProgress;
  /** Ends the startup between any two lines of a log, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Projects that get an entry first. */
  readonly adoption?: Adoption | undefined;
}

/**
 * Starts all projects of the configuration and fills the table with them.
 *
 * @throws {ConfigError} if the data folder is not the one that the configuration belongs to
 */
export async function startProjects(resources: ProjectResources, options: StartOptions): Promise<ProjectServices> {
  const { config } = resources;
  const { adoption, progress } = options;
  const found = await progress.opening(REGISTRY_NAME, () => Registry.open(resources));
  const refusal = mustRefuseToStart(config.document.projects, found !== undefined, config.path);
  if (refusal !== undefined) throw refusal;
  await clearScratch(resources);
  const registry = found ?? (await Registry.create(resources));
  const services = { ...resources, registry, maintenance: new ProjectMaintenance(resources, registry) };
  try {
    const outcome = adoption === undefined ? { adopted: [], unreadable: [] } : await adoptProjects(services, adoption);
    await startEntries(services, options, outcome);
    reportEmptyProjects(resources);
    services.maintenance.start();
    return services;
  } catch (error) {
    await services.maintenance.close(0);
    await registry.close();
    throw error;
  }
}

/** A past state from before serves no one any more; that one cannot be removed must not stop the startup. */
async function clearScratch({ scratch, logger }: ProjectResources): Promise<void> {
  const cleared = scratch.clear().then((files) => {
    if (files.length > 0) logger.warn({ files }, 'the folder of past states has files that this server did not write; they stay');
  });
  await cleared.catch(logFailure(logger, 'warn', {}, 'past states of an earlier run could not be removed; the next startup retries'));
}

async function startEntries(
  services: ProjectServices, { progress, signal }: StartOptions, { adopted, unreadable }: AdoptedProjects,
): Promise<void> {
  const context = configContext('start');
  const startup = { services, context, adopted, progress, signal };
  await finishRemovals(services);
  await recordDefaultKey(startup);
  await recordGlobalKeys(startup);
  const states: EntryState[] = [];
  for (const entry of services.config.document.projects) {
    signal?.throwIfAborted();
    const state = await progress.opening(entry.id, () => startProject(startup, entry));
    if (state !== undefined) states.push(state);
    progress.advance();
  }
  signal?.throwIfAborted();
  await warnOfUnserved(services, unreadable);
  await writeEntries(services, states);
}

/** Data without an entry stays and is logged. A project that has just failed to be adopted was logged already. */
async function warnOfUnserved({ config, diskHome, registry, logger }: ProjectServices, unreadable: readonly string[]): Promise<void> {
  const named = new Set([...config.document.projects.map(({ id }) => id), ...unreadable]);
  const ids = registry.registrations.liveIds.filter((live) => !named.has(live));
  for (const id of ids) await warnOfProjectWithoutEntry({ config, diskHome, logger }, id);
}

/** Warns of a project on disk that is not served because the configuration does not name it. */
export async function warnOfProjectWithoutEntry(
  { config, diskHome, logger }: Pick<ProjectServices, 'config' | 'diskHome' | 'logger'>, id: string,
): Promise<void> {
  const files = await diskHome.namesOf(id);
  logger.warn({ project: id, files, what_to_do: adviceWithoutEntry(config.path) }, PROJECT_WITHOUT_ENTRY);
}

async function writeEntries({ config, logger }: ProjectServices, states: readonly EntryState[]): Promise<void> {
  const updated = config.update((document) => {
    const next = withEntries(document, states);
    return JSON.stringify(next) === JSON.stringify(document) ? document : next;
  });
  await updated.catch(logFailure(logger, 'warn', {}, 'the configuration could not be brought up to date; the next startup retries'));
}
