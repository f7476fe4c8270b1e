/**
 * Authorization: the one function that decides whether a caller may perform an action. Pure; knows no API keys, routes or statuses.
 */
import { type Action, ACTION_NEEDS, needsOf } from '../api/actions.js';
import { OPEN_PERMISSIONS, type Permission } from '../api/permissions.js';
import { invariant } from '../base/invariant.js';
import type { Principal } from './principal.js';
import { bitOf, rightsOf } from './rights.js';

/** A change of settings; only the names of its members matter. */
interface ChangedSettings {
  readonly authentication?: object | undefined;
  readonly storage?: object | undefined;
  readonly quota?: object | undefined;
}

/** Storage settings that the project's own API key may change. */
const OWN_STORAGE: ReadonlySet<string> = new Set(['on_disk', 'cache_in_memory']);

/** Every action. */
export const ACTIONS = Object.keys(ACTION_NEEDS) as readonly Action[];

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

/** What an action needs, with its permissions as bits. */
interface Rule {
  readonly scope: 'global' | 'project' | 'any';
  readonly bits: number;
  readonly isGuarded: boolean;
  readonly needsKey: boolean;
}

const OPEN_RIGHTS = rightsOf(OPEN_PERMISSIONS);
const ALL_BIT = bitOf('all');

const RULES = Object.fromEntries(ACTIONS.map((action) => [action, ruleOf(action)])) as Readonly<Record<Action, Rule>>;

function ruleOf(action: Action): Rule {
  const { scope, permissions, isGuarded = false, needsKey = false } = needsOf(action);
  return { scope, bits: permissions.reduce((bits, permission) => bits | bitOf(permission), 0), isGuarded, needsKey };
}

/**
 * Decides whether a request is allowed. A refusal never depends on whether the project exists.
 *
 * @throws {InvariantError} if an action on a project names no project
 */
export function authorize(request: AuthorizationRequest, scopes: Scopes): AccessDecision {
  const { principal, action, project } = request;
  const { scope, bits, isGuarded, needsKey } = RULES[action];
  invariant(scope !== 'project' || project !== null, 'an action on a project names it');
  if (principal.kind === 'anonymous') return !needsKey && mayAnyone(RULES[action], project, scopes) ? 'allow' : 'unauthorized';
  const needed = isGuarded && isGuardedNow(project, scopes) ? ALL_BIT : bits;
  if ((principal.rights & needed) !== needed) return 'forbidden';
  if (principal.kind === 'global' || scope === 'any') return 'allow';
  return scope === 'project' && principal.project === project && needed !== ALL_BIT ? 'allow' : 'forbidden';
}

function mayAnyone({ scope, bits, isGuarded }: Rule, project: string | null, scopes: Scopes): boolean {
  if (scope !== 'project') return scopes.globalOpen;
  if (project === null || !scopes.isProjectOpen(project)) return false;
  return scopes.globalOpen || (!isGuarded && (OPEN_RIGHTS & bits) === bits);
}

function isGuardedNow(project: string | null, scopes: Scopes): boolean {
  return project !== null && !scopes.globalOpen && scopes.isProjectOpen(project);
}

/**
 * Lists the permissions that an action needs, for a caller that was refused it because its API key does not have all of them.
 *
 * @returns none if another key would be needed anyway: the key is of another project, or only one of `default` would do
 */
export function neededPermissions({ principal, action, project }: AuthorizationRequest, scopes: Scopes): readonly Permission[] {
  const { scope, permissions, isGuarded = false } = needsOf(action);
  if (principal.kind === 'anonymous') return [];
  const isGlobal = principal.kind === 'global';
  if (!isGlobal && (scope !== 'project' || principal.project !== project)) return [];
  const needed: readonly Permission[] = isGuarded && isGuardedNow(project, scopes) ? ['all'] : permissions;
  return isGlobal || !needed.includes('all') ? needed : [];
}

/** Tells whether a caller may know which versions keys have. */
export function mayRead(principal: Principal): boolean {
  return principal.kind === 'anonymous' || (principal.rights & bitOf('read')) !== 0;
}

/**
 * Tells whether a change of settings needs the global API key (`project.update_guarded`): quotas, storage settings beyond `on_disk` and
 * `cache_in_memory`, and on an open project also `authentication` and `on_disk`, which anyone could change otherwise.
 */
export function isGuardedChange(change: ChangedSettings, isOpen: boolean): boolean {
  const storage = Object.keys(change.storage ?? {});
  if (change.quota !== undefined || storage.some((name) => !OWN_STORAGE.has(name))) return true;
  return isOpen && (change.authentication !== undefined || storage.includes('on_disk'));
}
