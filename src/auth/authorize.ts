/**
 * The one decision who may do what. Pure; knows nothing of keys, routes or statuses.
 */
import { invariant } from '../base/invariant.js';
import type { Principal } from './principal.js';

/**
 * Everything that can be asked for.
 *
 * `project.update_guarded` is an update that could harm more than the project: storage settings beyond `on_disk` and
 * `cache_in_memory`, or `authentication` and `on_disk` of an open project. `server.inspect` is seeing projects' names among
 * the checks of readiness.
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

/** Whose key an action takes: the global one only, or the project's as well. */
const KEY_OF_ACTION: Readonly<Record<Action, 'global' | 'project'>> = {
  'projects.list': 'global',
  'projects.create': 'global',
  'project.read': 'project',
  'project.update': 'project',
  'project.update_guarded': 'global',
  'project.regenerate_key': 'global',
  'project.compact': 'global',
  'project.delete': 'global',
  'keys.read': 'project',
  'keys.write': 'project',
  'server.inspect': 'global',
};

/** The members of a change of settings, whatever is in them. */
export interface ChangedSettings {
  readonly authentication?: object | undefined;
  readonly storage?: object | undefined;
}

/** Storage settings that a project's own key may change. */
const OWN_STORAGE: ReadonlySet<string> = new Set(['on_disk', 'cache_in_memory']);

/** Every action, for those who walk over all of them. */
export const ACTIONS = Object.keys(KEY_OF_ACTION) as readonly Action[];

/** Which scopes are open to everyone. */
export interface Scopes {
  /** True when global authentication is off. */
  readonly globalOpen: boolean;
  /**
   * @param project any text that may name a project
   * @returns true when that project exists and its authentication is off
   */
  isProjectOpen(project: string): boolean;
}

/** Who wants what. */
export interface AuthorizationRequest {
  readonly principal: Principal;
  readonly action: Action;
  /** The project that is meant, existing or not; null where the action concerns none. */
  readonly project: string | null;
}

/** `unauthorized`: a key is missing. `forbidden`: the key is good, but not for this. */
export type Decision = 'allow' | 'unauthorized' | 'forbidden';

/**
 * Decides. The answer to a caller without the right never depends on whether the project exists.
 *
 * @throws {InvariantError} for an action on a project that names none
 */
export function authorize(request: AuthorizationRequest, scopes: Scopes): Decision {
  const { principal, action, project } = request;
  const needsGlobal = KEY_OF_ACTION[action] === 'global';
  invariant(needsGlobal || project !== null, 'an action on a project names it');
  switch (principal.kind) {
    case 'global':
      return 'allow';
    case 'project':
      return !needsGlobal && principal.project === project ? 'allow' : 'forbidden';
    case 'anonymous': {
      const open = needsGlobal ? scopes.globalOpen : project !== null && scopes.isProjectOpen(project);
      return open ? 'allow' : 'unauthorized';
    }
    default:
      return principal satisfies never;
  }
}

/**
 * Tells whether a change of settings is guarded, which is to say an action of `project.update_guarded`.
 *
 * @param isOpen true for an open project: its own key, which anyone may do without, protects nothing
 * @returns true when the change needs the global key
 */
export function isGuardedChange(change: ChangedSettings, isOpen: boolean): boolean {
  const storage = Object.keys(change.storage ?? {});
  if (storage.some((name) => !OWN_STORAGE.has(name))) return true;
  return isOpen && (change.authentication !== undefined || storage.includes('on_disk'));
}
