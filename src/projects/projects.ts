/**
 * The contract of project management for the HTTP room: find, list, create, update, replace the API key, compact, delete.
 * Implementations keep the configuration file, the log and the API keys consistent; callers know none of these three.
 */
import type { ProjectSettings, ProjectSettingsChange } from '../events/project-settings.js';
import type { CommandContext } from '../store/command.js';
import type { PastLease } from '../store/past-state.js';
import type { ProjectStore } from '../store/project-store.js';
import type { ApiKeyDetails, ApiKeys } from './access/api-keys.js';
import type { Backup } from './backup.js';
import type { RedactionRequest, RedactionResult } from './redaction.js';
import type { StartFacts } from './start/start-progress.js';

/**
 * The state of a project.
 *
 * - `serving`: reads and writes.
 * - `read_only`: reads only, because the disk was full; writes resume once there is space.
 * - `log_failed`: reads only until the server restarts. The log has failed, or was closed because the outcome of a move to memory is
 *   unknown.
 *
 * The other states refuse reads and writes, mostly since startup; the server log says why:
 *
 * - `corrupt`: its files are damaged or could not be opened, or the outcome of its deletion is unknown.
 * - `missing`: its files are not in the data folder.
 * - `outdated`: its files are older than the writes that it has acknowledged, or its entry is too old to be compared with them.
 * - `newer_format`: a newer version wrote its files.
 */
export type ServingState = 'serving' | 'read_only' | 'log_failed' | 'corrupt' | 'missing' | 'outdated' | 'newer_format';

/** Details of a project for authorized clients; no API keys, no hashes. */
export interface ProjectDetails {
  readonly id: string;
  readonly storage: ProjectSettings['storage'];
  readonly authentication: ProjectSettings['authentication'];
  readonly quota: ProjectSettings['quota'];
  /** RFC 3339 in UTC with milliseconds; null for a project that could not be read. */
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly seq: number;
  readonly key_count: number;
  /** Size of all values, in bytes. */
  readonly value_bytes: number;
  readonly log_id: string | null;
  readonly state: ServingState;
}

/** A project to be created. */
export interface NewProject extends ProjectSettingsChange {
  readonly id: string;
}

/** A project, and a new API key that is shown only this once. */
export interface ProjectWithKey {
  readonly details: ProjectDetails;
  /** Null if no key was generated. */
  readonly apiKey: string | null;
}

/** A new primary API key, which is shown only this once. */
export interface RegeneratedKey {
  readonly apiKey: string;
  /** The listed keys, which go on. */
  readonly otherKeys: readonly ApiKeyDetails[];
}

/** The snapshot that a compaction made. */
export interface CompactionResult {
  /** Seq of the last event in it. */
  readonly seq: number;
  readonly key_count: number;
  /** Size of the snapshot in bytes. */
  readonly bytes: number;
  /** Duration in whole milliseconds. */
  readonly duration_ms: number;
}

/** One check of readiness. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Short text for an operator, without ids. */
  readonly detail: string;
}

/** The readiness of the server. */
export interface Readiness {
  /** False during startup and shutdown, and if no project can write. */
  readonly ready: boolean;
  readonly checks: readonly ReadinessCheck[];
  /** Projects that are not `serving`. */
  readonly degraded: readonly { readonly id: string; readonly state: ServingState }[];
}

/**
 * Project management. Changes run one at a time, in the order of the calls. The caller's authorization is checked again
 * (`CommandContext.assertAllowed`) at the start of the turn, because an earlier change may have ended it. A change that ends its own
 * authorization still completes.
 */
export interface Projects {
  /**
   * The store of a served project.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`; `project_corrupt`, `project_missing`, `project_outdated` or `project_newer_format` for a
   *   refused one
   */
  store(id: string): ProjectStore;

  /**
   * The identity of a project: the same from its creation to its deletion, wherever its log is kept, and different for every other
   * project that had or will have its id.
   *
   * @param id any text
   * @returns undefined if there is no such project
   */
  identity(id: string): symbol | undefined;

  /** @throws {AppError} `project_not_found` */
  details(id: string): ProjectDetails;

  /** Number of projects, including refused ones. */
  readonly count: number;

  /** @returns details of all projects, sorted by id */
  list(): readonly ProjectDetails[];

  /**
   * Creates a project: configuration file, log, answer.
   *
   * @param project its id, and settings that differ from the defaults
   * @returns the project, and its API key unless authentication is off
   * @throws {AppError} `project_exists`, `project_files_exist`, `project_not_served`, `config_write_failed`,
   *   `server_log_corrupt`, `disk_full`, `disk_failed`; the project does not exist then
   */
  create(project: NewProject, context: CommandContext): Promise<ProjectWithKey>;

  /**
   * Changes a project's settings, in the log and in the configuration file; `changes/update-project.ts` has the order.
   *
   * @param id a valid project id
   * @returns the project, and an API key if authentication was switched on and there was none
   * @throws {AppError} `project_not_found`, `project_corrupt`, `project_files_exist`, `config_write_failed`, `disk_failed` and the errors
   *   of a write. Nothing has changed then, unless the facts say `applied: true`: the change is in force, and a repeated request
   *   completes it
   */
  update(id: string, change: ProjectSettingsChange, context: CommandContext): Promise<ProjectWithKey>;

  /**
   * Replaces the primary API key of a project.
   *
   * @param id a valid project id
   * @param overlapMs how long the old key goes on, as a listed key; 0: it stops working before this resolves. @default 0
   * @throws {AppError} `project_not_found`, `project_corrupt`, `config_write_failed`, `server_log_corrupt`, `too_many_api_keys`
   *   and the errors of a write
   */
  regenerateKey(id: string, context: CommandContext, overlapMs?: number): Promise<RegeneratedKey>;

  /** The API keys of all scopes. */
  readonly apiKeys: ApiKeys;

  /**
   * Makes a snapshot of a project now, whether or not one is due. Blocks neither reads nor writes.
   *
   * @param id a valid project id
   * @returns the committed snapshot; the newest one if nothing has changed since
   * @throws {AppError} `project_not_found`, `project_corrupt` if files that it needs are damaged, `not_on_disk` for a project in memory,
   *   `disk_full`, `compaction_failed`, and the errors of a write, because the log is synced first; older snapshots and the log stay as
   *   they were
   */
  compact(id: string, context: CommandContext): Promise<CompactionResult>;

  /**
   * Gives the state of a project after one of its lines; builds it if it is not there.
   *
   * @param id a valid project id
   * @param seq from 0 to the last line
   * @param signal aborts the wait
   * @returns the state, which must be released
   * @throws {AppError} `project_not_found`, the errors of a refused project; `history_gone` if the lines up to there are no longer kept and
   *   no snapshot has their state; `busy` if too many states are being built or read; `state_too_large`, `disk_full`, `disk_failed`
   */
  pastState(id: string, seq: number, signal: AbortSignal): Promise<PastLease>;

  /**
   * Erases the values of lines, permanently: from the log, which records it, and from everything else that the server keeps.
   *
   * @returns once nothing has them any more
   * @throws {AppError} `value_in_use` while a value is a current one; `ahead_of_log`, `history_gone`; `busy` while a backup reads the
   *   files; with `applied: true` if it was recorded and is not complete: the server goes on with it by itself
   */
  redact(id: string, request: RedactionRequest, context: CommandContext): Promise<RedactionResult>;

  /**
   * Prepares a backup of a project, or of all projects that are on disk, as they are now. Blocks neither reads nor writes.
   *
   * @param id a valid project id; undefined for all projects
   * @returns the backup, which must be released
   * @throws {AppError} `project_not_found`, `not_on_disk` for a project in memory, the errors of a refused project, and those of a write,
   *   because the logs are synced first
   */
  backup(id: string | undefined, context: CommandContext): Promise<Backup>;

  /**
   * Deletes a project and its data, also a damaged or an unserved one.
   *
   * @param id a valid project id
   * @throws {AppError} `project_not_found`, `project_files_exist`, `server_log_corrupt`, `config_write_failed`, `disk_failed`; with
   *   `applied: true` the project is gone, and a repeated request completes the deletion
   */
  delete(id: string, context: CommandContext): Promise<void>;

  /** Progress of the startup. */
  progress(): StartFacts;

  /** Refreshes the outside facts of {@link Projects.readiness}, such as free space, if they are old. Never rejects. */
  refresh(): Promise<void>;

  /** True if some project can write, or there is none. Does not walk over the projects, because probes are frequent. */
  readonly canWrite: boolean;

  /** The readiness of the server now, from the states of all degraded projects. */
  readiness(): Readiness;
}
