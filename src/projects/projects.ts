/**
 * The contract of project management, as the HTTP room uses it: find, list, create, update, give another key, compact, delete.
 * Implementations keep configuration file, log and API keys in step; callers know none of these three.
 */
import type { ProjectSettings, ProjectSettingsChange } from '../events/project-settings.js';
import type { CommandContext } from '../store/command.js';
import type { ProjectStore } from '../store/project-store.js';
import type { StartFacts } from './start/start-progress.js';

/**
 * How a project stands.
 *
 * - `serving`: reads and writes.
 * - `read_only`: the disk was full; reads, and writes again when there is room.
 * - `log_failed`: a sync failed; reads only, until the server is started again.
 * - `corrupt`: refused, mostly at start; neither reads nor writes. The server log says why; likewise:
 * - `missing`: its files are not in the data folder.
 * - `outdated`: its files are older than what it had acknowledged.
 * - `newer_format`: a newer version wrote its files.
 */
export type ProjectState = 'serving' | 'read_only' | 'log_failed' | 'corrupt' | 'missing' | 'outdated' | 'newer_format';

/** What is said of a project to who may see it; no keys, no hashes. */
export interface ProjectDetails {
  readonly id: string;
  readonly storage: ProjectSettings['storage'];
  readonly authentication: ProjectSettings['authentication'];
  /** RFC 3339 in UTC with milliseconds; null for a project that could not be read. */
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly seq: number;
  readonly key_count: number;
  readonly log_id: string | null;
  readonly state: ProjectState;
}

/** A project to be created. */
export interface NewProject extends ProjectSettingsChange {
  readonly id: string;
}

/** A project, and the key that was made for it: shown this once. */
export interface ProjectWithKey {
  readonly details: ProjectDetails;
  /** Null where no key was made. */
  readonly apiKey: string | null;
}

/** A snapshot that was made. */
export interface CompactionResult {
  /** The last event that it holds. */
  readonly seq: number;
  readonly key_count: number;
  /** Size of the snapshot in bytes. */
  readonly bytes: number;
  /** How long it took, in whole milliseconds. */
  readonly duration_ms: number;
}

/** One check of readiness. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Short text for an operator, without ids. */
  readonly detail: string;
}

/** Whether the server can do its work. */
export interface Readiness {
  /** False when starting, stopping, or when no project can write. */
  readonly ready: boolean;
  readonly checks: readonly ReadinessCheck[];
  /** Projects that are not `serving`. */
  readonly degraded: readonly { readonly id: string; readonly state: ProjectState }[];
}

/**
 * Project management. Changes are carried out one after another, in the order in which they were asked for. Whether the caller
 * may is asked again (`CommandContext.assertAllowed`) when a change's turn has come, before anything of it is done: a change before
 * it may have ended the right. What the change itself does to that right does not stop the rest of it.
 */
export interface Projects {
  /**
   * The store of a project that is served.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`; `project_corrupt`, `project_missing`, `project_outdated` or `project_newer_format` for one
   *   that is refused
   */
  store(id: string): ProjectStore;

  /**
   * Tells a project from every other that had its id before or will have it: the same from its creation to its deletion, wherever
   * its log is kept.
   *
   * @param id any text that may name a project
   * @returns its identity, undefined where there is no such project
   */
  identity(id: string): symbol | undefined;

  /**
   * @param id a valid project id
   * @throws {AppError} `project_not_found`
   */
  details(id: string): ProjectDetails;

  /** How many projects there are, refused ones included. */
  readonly count: number;

  /** @returns details of all projects, sorted by id */
  list(): readonly ProjectDetails[];

  /**
   * Creates a project: configuration file, log, answer.
   *
   * @param project id and what differs from the defaults
   * @returns the project, and its key unless authentication is off
   * @throws {AppError} `project_exists`, `project_files_exist`, `project_not_served`, `config_write_failed`,
   *   `server_log_corrupt`, `disk_full`, `disk_failed`; the project is not there then
   */
  create(project: NewProject, context: CommandContext): Promise<ProjectWithKey>;

  /**
   * Changes a project's settings: log, configuration file, answer.
   *
   * @param id a valid project id
   * @returns the project, and a key where authentication was switched on and no key existed
   * @throws {AppError} `project_not_found`, `project_corrupt`, `project_files_exist`, `config_write_failed`, `disk_failed` and what a
   *   write throws. Nothing was changed then, unless the facts say `applied: true`: the change is in force, and asking again does
   *   what is missing
   */
  update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey>;

  /**
   * Gives a project another key; the old one stops working before this resolves.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`, `project_corrupt`, `config_write_failed`, `server_log_corrupt`
   *   and what a write throws
   */
  regenerateKey(id: string, context: CommandContext): Promise<string>;

  /**
   * Writes a project's snapshot now, whether or not one is due. Holds up neither reads nor writes.
   *
   * @param id a valid project id
   * @returns what was written, once it is committed on disk; of the newest snapshot where nothing has changed since
   * @throws {AppError} `project_not_found`, `project_corrupt` where files are damaged that it needs, `not_on_disk` for a
   *   project in memory, `disk_full`, `compaction_failed`, after which the snapshot before it and the log are as they were
   */
  compact(id: string, context: CommandContext): Promise<CompactionResult>;

  /**
   * Deletes a project and its data; works on damaged and unserved ones.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`, `project_files_exist`, `server_log_corrupt`, `config_write_failed`, `disk_failed`; with
   *   `applied: true` the project is gone, and asking again does what is missing
   */
  delete(id: string, context: CommandContext): Promise<void>;

  /** @returns how far the start is */
  progress(): StartFacts;

  /** Looks anew at what {@link Projects.readiness} rests on and others change, where the last look is old. Never rejects. */
  refresh(): Promise<void>;

  /** True when some project can write, or there is none. Looks at no project, since probes ask often. */
  readonly canWrite: boolean;

  /** @returns whether the server can do its work now, and how each project stands; looks at all of them */
  readiness(): Readiness;
}
