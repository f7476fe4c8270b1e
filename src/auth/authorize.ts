/**
 * Authorization: the one function that decides whether a caller may perform an action. Pure; knows no API keys, routes or statuses.
 */
import { type Action, KEY_OF_ACTION } from '../api/actions.js';
import { invariant } from '../base/invariant.js';
import type { Principal } from './principal.js';

/** A change of settings; only the names of its members matter. */
interface ChangedSettings {
  readonly authentication?: object | undefined;
  readonly storage?: object | undefined;
}

/** Storage settings that the project's own API key may change. */
const OWN_STORAGE: ReadonlySet<string> = new Set(['on_disk', 'cache_in_memory']);

/** Every action. */
export const ACTIONS = Object.keys(KEY_OF_ACTION) as readonly Action[];

/** Which scopes are open, that is, need no API key. */
export interface Scopes {
  /** True when global authentication is off. */
  readonly globalOpen: boolean;
  /** True when the project exists and its authentication is off. Takes any text. */
  isProjectOpen(project: string): boolean;
}

/** The question that {@link authorize} answers. */
export interface AuthorizationRequest {
  readonly principal: Principal;
  readonly action: Action;
  /** The project in the path, existing or not; null if the action concerns no project. */
  readonly project: string | null;
}

/** `unauthorized`: an API key is needed. `forbidden`: the API key is valid, but does not grant access. */
export type AccessDecision = 'allow' | 'unauthorized' | 'forbidden';

/**
 * Decides whether a request is allowed. A refusal never depends on whether the project exists.
 *
 * @throws {InvariantError} if an action on a project names no project
 */
export function authorize(request: AuthorizationRequest, scopes: Scopes): AccessDecision {
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
 * Tells whether a change of settings needs the global API key (`project.update_guarded`): storage settings beyond `on_disk` and
 * `cache_in_memory`, and on an open project also `authentication` and `on_disk`, which anyone could change otherwise.
 */
export function isGuardedChange(change: ChangedSettings, isOpen: boolean): boolean {
  const storage = Object.keys(change.storage ?? {});
  if (storage.some((name) => !OWN_STORAGE.has(name))) return true;
  return isOpen && (change.authentication !== undefined || storage.includes('on_disk'));
}
