/**
 * The contract as data: every route, once. Says what exists and what a request must satisfy, not how it is answered.
 */

/**
 * Every action that needs authorization.
 *
 * `project.update_guarded` is an update that can affect more than the project itself, see `isGuardedChange` in `auth/authorize.ts`.
 * `server.inspect` reveals project names in the readiness checks.
 */
export type Action =
  | 'projects.list'
  | 'projects.create'
  | 'project.read'
  | 'project.update'
  | 'project.update_guarded'
  | 'project.regenerate_key'
  | 'project.compact'
  | 'project.delete'
  | 'keys.read'
  | 'keys.write'
  | 'server.inspect';

/** What exists: a method and a path, and what a request for it must satisfy. */
export interface RouteSpec {
  /** Names the operation. */
  readonly id: string;
  /** `GET` includes `HEAD`. */
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Other methods with the same meaning. */
  readonly aliases?: readonly 'POST'[];
  /** `{id}` is one segment; `{key}` is the rest of the path, slashes included. */
  readonly path: `/${string}`;
  /** What the caller must be authorized for; null: no API key is needed. */
  readonly action: Action | null;
  /**
   * What the path must name for the handler to be called: nothing, a valid project id, a project in any state, or a project that can be
   * read and written.
   */
  readonly needs: 'nothing' | 'id' | 'project' | 'store';
  /** The conditional headers that the handler reads. `none` refuses them; `ignored` is for routes that never had a version. */
  readonly preconditions: 'ignored' | 'none' | 'read' | 'write';
  /** `settings` is a JSON object; `nothing` accepts an empty one from clients that cannot omit it. */
  readonly body: 'none' | 'value' | 'settings' | 'nothing';
}

/** Prefix of every path except the root and the health probes. */
const API_PATH = '/api/v1';
/** The path of the projects. */
export const PROJECTS_PATH = `${API_PATH}/projects`;
/** 200 while the process is alive. */
export const LIVENESS_PATH = '/livez';
/** 200 while requests can be served. */
export const READINESS_PATH = '/readyz';

const PROJECT = `${PROJECTS_PATH}/{id}`;
const KEYS = `${PROJECT}/keys`;
const KEY = `${KEYS}/{key}`;

/** Every route. */
export const ROUTES = [
  { id: 'getKey', method: 'GET', path: KEY, action: 'keys.read', needs: 'store', preconditions: 'read', body: 'none' },
  {
    id: 'setKey', method: 'PUT', aliases: ['POST'], path: KEY, action: 'keys.write', needs: 'store', preconditions: 'write', body: 'value',
  },
  { id: 'deleteKey', method: 'DELETE', path: KEY, action: 'keys.write', needs: 'store', preconditions: 'write', body: 'none' },
  { id: 'listKeys', method: 'GET', path: KEYS, action: 'keys.read', needs: 'store', preconditions: 'none', body: 'none' },
  { id: 'clearKeys', method: 'DELETE', path: KEYS, action: 'keys.write', needs: 'store', preconditions: 'none', body: 'none' },
  {
    id: 'listProjects', method: 'GET', path: PROJECTS_PATH, action: 'projects.list', needs: 'nothing', preconditions: 'none', body: 'none',
  },
  {
    id: 'createProject', method: 'POST', path: PROJECTS_PATH, action: 'projects.create', needs: 'nothing', preconditions: 'none',
    body: 'settings',
  },
  { id: 'getProject', method: 'GET', path: PROJECT, action: 'project.read', needs: 'project', preconditions: 'none', body: 'none' },
  {
    id: 'updateProject', method: 'PUT', path: PROJECT, action: 'project.update', needs: 'project', preconditions: 'none', body: 'settings',
  },
  { id: 'deleteProject', method: 'DELETE', path: PROJECT, action: 'project.delete', needs: 'id', preconditions: 'none', body: 'none' },
  {
    id: 'regenerateKey', method: 'POST', path: `${PROJECT}/api-key/regenerate`, action: 'project.regenerate_key', needs: 'project',
    preconditions: 'none', body: 'nothing',
  },
  {
    id: 'compactProject', method: 'POST', path: `${PROJECT}/compact`, action: 'project.compact', needs: 'project', preconditions: 'none',
    body: 'nothing',
  },
  { id: 'getLiveness', method: 'GET', path: LIVENESS_PATH, action: null, needs: 'nothing', preconditions: 'ignored', body: 'none' },
  { id: 'getReadiness', method: 'GET', path: READINESS_PATH, action: null, needs: 'nothing', preconditions: 'ignored', body: 'none' },
  { id: 'getRoot', method: 'GET', path: '/', action: null, needs: 'nothing', preconditions: 'ignored', body: 'none' },
  { id: 'getIndex', method: 'GET', path: API_PATH, action: null, needs: 'nothing', preconditions: 'ignored', body: 'none' },
] as const satisfies readonly RouteSpec[];

/** The id of a route. */
export type RouteId = (typeof ROUTES)[number]['id'];
