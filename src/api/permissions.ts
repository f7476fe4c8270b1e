/**
 * What an API key may do, as words. `actions.ts` says which of them each action needs; `auth/rights.ts` compares them.
 */

/** Every permission, in the order in which lists of them are written. `all` is what the primary key of a scope may do. */
export const PERMISSIONS = ['admin', 'all', 'history', 'metrics', 'read', 'write'] as const;

/** One of {@link PERMISSIONS}. */
export type Permission = (typeof PERMISSIONS)[number];

/** The permissions of a key in the list of a project: `metrics` tells about all projects. */
export const PROJECT_PERMISSIONS: readonly Permission[] = PERMISSIONS.filter((permission) => permission !== 'metrics');

/** What a caller without an API key may do on an open project while the global routes need one. */
export const OPEN_PERMISSIONS: readonly Permission[] = ['history', 'read', 'write'];
