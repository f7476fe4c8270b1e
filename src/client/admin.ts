/**
 * The client of the server as a whole: projects and API keys. Bodies and answers are those of the HTTP API, as they are.
 */
import { API_KEYS_PATH, API_PATH, PROJECTS_PATH, READINESS_PATH } from '../api/paths.js';
import type {
  ApiKeyChangeJson, ApiKeyJson, ChangedProjectJson, CompactionJson, CreatedApiKeyJson, CreatedProjectJson, NewApiKeyJson, NewProjectJson,
  OwnApiKeyJson, ProjectJson, ReadinessJson, RegeneratedKeyJson, ReloadedJson, RotatedApiKeyJson, SettingsChangeJson, StatsJson,
} from '../api/types.js';
import { projectPath, queryOf } from './addresses.js';
import { jsonOf, Transport } from './http.js';
import type { CallOptions, ConnectionOptions } from './options.js';

/** How an API key is replaced. */
export interface OverlapOptions extends CallOptions {
  /** How long the previous key goes on, in seconds. @default 0 */
  readonly overlapSeconds?: number;
}

/** How readiness is asked for. */
export interface ReadyOptions extends CallOptions {
  /** With each check. @default false */
  readonly verbose?: boolean;
}

/** Of what figures are asked for. */
export interface StatsOptions extends CallOptions {
  /** Those of a project. @default those of the server */
  readonly project?: string | undefined;
  /** How far back, in seconds, up to an hour. @default an hour */
  readonly windowSeconds?: number | undefined;
}

/** How the configuration is reloaded. */
export interface ReloadOptions extends CallOptions {
  /** Only asks what would change. @default false */
  readonly dryRun?: boolean | undefined;
}

/** Whether the server can serve requests, and why not. */
export interface ServerReadiness extends ReadinessJson {
  readonly isReady: boolean;
}

const READY = 200;
const NOT_READY = 503;

/** Projects and API keys of a server. */
export class SimpleKvAdmin {
  /** The projects. */
  readonly projects: ProjectAdmin;
  /** The API keys of a project, or with `null` those that hold for all projects. */
  readonly apiKeys: ApiKeyAdmin;
  readonly #transport: Transport;
  readonly #routes: AdminRoutes;

  /** @throws {TypeError} When the URL cannot be one */
  constructor(options: ConnectionOptions) {
    this.#transport = new Transport(options);
    this.#routes = new AdminRoutes(this.#transport);
    this.projects = new ProjectAdmin(this.#routes);
    this.apiKeys = new ApiKeyAdmin(this.#routes);
  }

  /**
   * Asks whether the server can serve requests.
   *
   * @throws {SimpleKvError} When there is no answer
   */
  async ready({ verbose = false, ...call }: ReadyOptions = {}): Promise<ServerReadiness> {
    const target = verbose ? `${READINESS_PATH}?verbose` : READINESS_PATH;
    const answer = await this.#transport.send({ target, accepts: NOT_READY, ...call });
    return { ...jsonOf<ReadinessJson>(answer), isReady: answer.status === READY };
  }

  /**
   * Shows what the server measured lately. Servers before 0.2 have no such route: `not_found`.
   *
   * @throws {SimpleKvError}
   */
  async stats({ project, windowSeconds, ...call }: StatsOptions = {}): Promise<StatsJson> {
    return await this.#routes.show(`${API_PATH}/stats${queryOf({ window: windowSeconds, project })}`, call);
  }

  /**
   * Brings an edit of the configuration file into force. A fault in the file changes nothing. Servers before 0.2 have no such route:
   * `not_found`.
   *
   * @throws {SimpleKvError} `invalid_config`, `config_changed`
   */
  async reload({ dryRun = false, ...call }: ReloadOptions = {}): Promise<ReloadedJson> {
    return await this.#routes.change('POST', `${API_PATH}/reload`, { body: { dry_run: dryRun }, ...call });
  }
}

/** Sends requests whose answers are JSON. The server does not recognize these changes when they are repeated. */
class AdminRoutes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async show<T>(target: string, call: CallOptions): Promise<T> {
    return jsonOf<T>(await this.#transport.send({ target, ...call }));
  }

  async change<T>(method: 'PUT' | 'POST', target: string, { body = {}, ...call }: CallOptions & { readonly body?: unknown }): Promise<T> {
    return jsonOf<T>(await this.#transport.send({ method, target, body: JSON.stringify(body), repeatable: 'unsafe', ...call }));
  }

  async remove(target: string, call: CallOptions): Promise<void> {
    await this.#transport.send({ method: 'DELETE', target, repeatable: 'unsafe', ...call });
  }
}

/** Makes, changes and deletes projects. */
class ProjectAdmin {
  readonly #routes: AdminRoutes;

  constructor(routes: AdminRoutes) {
    this.#routes = routes;
  }

  /**
   * Shows all projects.
   *
   * @throws {SimpleKvError}
   */
  async list(options: CallOptions = {}): Promise<readonly ProjectJson[]> {
    return (await this.#routes.show<{ readonly projects: readonly ProjectJson[] }>(PROJECTS_PATH, options)).projects;
  }

  /**
   * Creates a project. The answer has its API key, which is shown only there.
   *
   * @throws {SimpleKvError} `project_exists`
   */
  async create(project: NewProjectJson, options: CallOptions = {}): Promise<CreatedProjectJson> {
    return await this.#routes.change('POST', PROJECTS_PATH, { ...options, body: project });
  }

  /**
   * Shows a project.
   *
   * @throws {SimpleKvError} `project_not_found`
   */
  async get(id: string, options: CallOptions = {}): Promise<ProjectJson> {
    return await this.#routes.show(projectPath(id), options);
  }

  /**
   * Changes settings; what is left out stays as it is.
   *
   * @throws {SimpleKvError}
   */
  async update(id: string, settings: SettingsChangeJson, options: CallOptions = {}): Promise<ChangedProjectJson> {
    return await this.#routes.change('PUT', projectPath(id), { ...options, body: settings });
  }

  /**
   * Deletes a project and its data permanently.
   *
   * @throws {SimpleKvError} `project_not_found`
   */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#routes.remove(projectPath(id), options);
  }

  /**
   * Replaces the primary API key of a project.
   *
   * @throws {SimpleKvError}
   */
  async regenerateKey(id: string, { overlapSeconds = 0, ...options }: OverlapOptions = {}): Promise<RegeneratedKeyJson> {
    const body = { overlap_seconds: overlapSeconds };
    return await this.#routes.change('POST', `${projectPath(id)}/api-key/regenerate`, { ...options, body });
  }

  /**
   * Makes a snapshot now. That can take longer than the usual time limit.
   *
   * @throws {SimpleKvError} `not_on_disk` for a project in memory
   */
  async compact(id: string, options: CallOptions = {}): Promise<CompactionJson> {
    return await this.#routes.change('POST', `${projectPath(id)}/compact`, options);
  }
}

/** Makes, changes and removes API keys. The first parameter is a project, or null for the keys that hold for all projects. */
class ApiKeyAdmin {
  readonly #routes: AdminRoutes;

  constructor(routes: AdminRoutes) {
    this.#routes = routes;
  }

  /**
   * Shows the API keys of a scope, never the keys themselves.
   *
   * @throws {SimpleKvError}
   */
  async list(project: string | null, options: CallOptions = {}): Promise<readonly ApiKeyJson[]> {
    return (await this.#routes.show<{ readonly api_keys: readonly ApiKeyJson[] }>(keysPath(project), options)).api_keys;
  }

  /**
   * Shows what the API key of this client is and may do.
   *
   * @throws {SimpleKvError}
   */
  async self(project: string | null, options: CallOptions = {}): Promise<OwnApiKeyJson> {
    return await this.#routes.show(`${keysPath(project)}/self`, options);
  }

  /**
   * Makes an API key, which is shown only in the answer.
   *
   * @throws {SimpleKvError}
   */
  async create(project: string | null, key: NewApiKeyJson, options: CallOptions = {}): Promise<CreatedApiKeyJson> {
    return await this.#routes.change('POST', keysPath(project), { ...options, body: key });
  }

  /**
   * Changes the name or the expiry of an API key.
   *
   * @throws {SimpleKvError} `api_key_not_found`
   */
  async update(project: string | null, id: string, change: ApiKeyChangeJson, options: CallOptions = {}): Promise<ApiKeyJson> {
    return await this.#routes.change('PUT', keyPath(project, id), { ...options, body: change });
  }

  /**
   * Makes an API key in place of another, with the same name, permissions and times.
   *
   * @throws {SimpleKvError} `api_key_not_found`
   */
  async rotate(project: string | null, id: string, { overlapSeconds = 0, ...options }: OverlapOptions = {}): Promise<RotatedApiKeyJson> {
    return await this.#routes.change('POST', `${keyPath(project, id)}/rotate`, { ...options, body: { overlap_seconds: overlapSeconds } });
  }

  /**
   * Removes an API key: it stops at once.
   *
   * @throws {SimpleKvError} `api_key_not_found`
   */
  async revoke(project: string | null, id: string, options: CallOptions = {}): Promise<void> {
    await this.#routes.remove(keyPath(project, id), options);
  }
}

function keysPath(project: string | null): string {
  return project === null ? API_KEYS_PATH : `${projectPath(project)}/api-keys`;
}

function keyPath(project: string | null, id: string): string {
  return `${keysPath(project)}/${encodeURIComponent(id)}`;
}
