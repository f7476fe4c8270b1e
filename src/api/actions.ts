/**
 * What a request may be authorized for, and what each action needs. `auth/authorize.ts` decides.
 */
import type { Permission } from './permissions.js';

/** What an action needs of its caller. */
interface ActionNeeds {
  /**
   * The API keys that can have it: those in `default` only, those of the project as well, or any that the server knows. A key in `default`
   * holds for all projects.
   */
  readonly scope: 'global' | 'project' | 'any';
  /** All of them are needed. `all` includes every other. */
  readonly permissions: readonly Permission[];
  /** True: on an open project, while the global routes need an API key, only a global key with `all` can have it. @default false */
  readonly isGuarded?: boolean;
  /** True: it is about the caller's own API key, which an anonymous caller does not have. @default false */
  readonly needsKey?: boolean;
}

/** Needs the global API key, or another one of `default` that may do everything. */
const GLOBAL_KEY = { scope: 'global', permissions: ['all'] } as const satisfies ActionNeeds;

/**
 * What each action needs. A new action is one row.
 *
 * `project.open` switches the authentication of a project off. `project.update_guarded` is an update that can affect more than the project
 * itself, see `isGuardedChange` in `auth/authorize.ts`. `keys.read_past` is a read of an earlier state, `keys.write_seen` a change that
 * tells what there was before. `server.inspect` reveals project names in the readiness checks. `access.*` is about the API keys of a
 * project, `server_access.*` about those of `default`.
 */
export const ACTION_NEEDS = {
  'projects.list': { scope: 'global', permissions: ['read'] },
  'projects.create': GLOBAL_KEY,
  'project.read': { scope: 'project', permissions: ['read'] },
  'project.stats': { scope: 'project', permissions: ['read'] },
  'project.limits': { scope: 'project', permissions: [] },
  'project.update': { scope: 'project', permissions: ['admin'] },
  // Everyone gets these permissions by it.
  'project.open': { scope: 'project', permissions: ['admin', 'history', 'read', 'write'] },
  'project.update_guarded': GLOBAL_KEY,
  'project.regenerate_key': GLOBAL_KEY,
  'project.compact': GLOBAL_KEY,
  'project.backup': GLOBAL_KEY,
  'project.redact': GLOBAL_KEY,
  'project.delete': GLOBAL_KEY,
  'keys.read': { scope: 'project', permissions: ['read'] },
  'keys.write': { scope: 'project', permissions: ['write'] },
  'keys.write_seen': { scope: 'project', permissions: ['read', 'write'] },
  'keys.read_past': { scope: 'project', permissions: ['history', 'read'] },
  'keys.diff': { scope: 'project', permissions: ['history', 'read'] },
  'keys.revert': { scope: 'project', permissions: ['history', 'read', 'write'] },
  'events.read': { scope: 'project', permissions: ['history'] },
  'access.self': { scope: 'project', permissions: [], needsKey: true },
  'access.manage': { scope: 'project', permissions: ['admin'], isGuarded: true },
  'server_access.self': { scope: 'any', permissions: [], needsKey: true },
  'server_access.manage': GLOBAL_KEY,
  'server.backup': GLOBAL_KEY,
  'server.reload': GLOBAL_KEY,
  'server.inspect': { scope: 'global', permissions: ['metrics'] },
  'server.metrics': { scope: 'global', permissions: ['metrics'] },
  'server.stats': { scope: 'global', permissions: ['metrics'] },
} as const satisfies Readonly<Record<string, ActionNeeds>>;

/** Every action that needs authorization. */
export type Action = keyof typeof ACTION_NEEDS;

/** Returns what an action needs. */
export function needsOf(action: Action): ActionNeeds {
  return ACTION_NEEDS[action];
}
