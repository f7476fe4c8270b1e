/**
 * From a log to a project's store: replays the log into a model.
 */
import { isProjectEvent } from '../events/event.js';
import type { ProjectSettings } from '../events/project-settings.js';
import type { LogHome, LogLine } from '../log/log.js';
import { ProjectModel } from '../projections/project-model.js';
import { logOptionsOf, ProjectStore, type StoreLimits } from '../store/project-store.js';
import { replayInto } from './replay.js';

/** What opening a project needs besides its id. */
export interface OpenProjectOptions {
  readonly home: LogHome;
  readonly settings: ProjectSettings;
  readonly limits: StoreLimits;
}

/**
 * Opens a project whose log exists.
 *
 * @param id the project's id
 * @param options home, settings, limits, the log id that is registered, and what ends the replay
 * @returns the store and its model, undefined when there is no log of that name
 * @throws {LogCorruptError} when the log cannot be trusted, `UnknownEventError` when a newer version wrote it
 */
export async function openProject(
  id: string,
  options: OpenProjectOptions & { readonly expectedLogId: string | undefined; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly store: ProjectStore; readonly model: ProjectModel } | undefined> {
  const model = new ProjectModel();
  const apply = replayInto(model, 'a project', isProjectEvent);
  const replay = (line: LogLine): void => {
    options.signal?.throwIfAborted();
    apply(line);
  };
  const expected = options.expectedLogId === undefined ? {} : { expectedLogId: options.expectedLogId };
  const log = await options.home.open(id, { ...logOptionsOf(options.settings.storage), ...expected, replay });
  if (log === undefined) return undefined;
  // The entry that the log was opened by may be stale; the log knows better.
  const { newest } = model.state;
  if (newest !== undefined) log.configure(logOptionsOf(newest.settings.storage));
  return { store: new ProjectStore({ log, model, limits: options.limits }), model };
}

/**
 * Makes a new project's empty log and a store over it; the first command it is given must create the project.
 *
 * @param id the project's id
 * @param options home, settings, limits, and the new log's id
 * @returns the store
 * @throws {AppError} `project_files_exist`, `disk_full`
 */
export async function createProject(id: string, options: OpenProjectOptions & { readonly logId: string }): Promise<ProjectStore> {
  const log = await options.home.create(id, { ...logOptionsOf(options.settings.storage), logId: options.logId });
  return new ProjectStore({ log, model: new ProjectModel(), limits: options.limits });
}
