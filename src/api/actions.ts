/**
 * What a request may be authorized for, and the API key that each action needs. `auth/authorize.ts` decides.
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
  | 'project.backup'
  | 'project.delete'
  | 'keys.read'
  | 'keys.write'
  | 'events.read'
  | 'server.backup'
  | 'server.inspect';

/** The API key that an action needs: only the global one, or that of the project as well. */
export const KEY_OF_ACTION: Readonly<Record<Action, 'global' | 'project'>> = {
  'projects.list': 'global',
  'projects.create': 'global',
  'project.read': 'project',
  'project.update': 'project',
  'project.update_guarded': 'global',
  'project.regenerate_key': 'global',
  'project.compact': 'global',
  'project.backup': 'global',
  'project.delete': 'global',
  'keys.read': 'project',
  'keys.write': 'project',
  'events.read': 'project',
  'server.backup': 'global',
  'server.inspect': 'global',
};
