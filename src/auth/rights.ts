/**
 * Permissions as bits of a number, so that a request is compared with what it needs at the cost of one operation.
 */
import { type Permission, PERMISSIONS } from '../api/permissions.js';

/** Every permission. */
export const ALL_RIGHTS = 2 ** PERMISSIONS.length - 1;

/** Returns permissions as bits; `all` stands for every one. */
export function rightsOf(permissions: readonly Permission[]): number {
  if (permissions.includes('all')) return ALL_RIGHTS;
  return permissions.reduce((bits, permission) => bits | bitOf(permission), 0);
}

/** Names permissions, for a message. */
export function namePermissions(permissions: readonly Permission[]): string {
  const names = permissions.map((permission) => `"${permission}"`).join(' and ');
  return `the ${permissions.length === 1 ? 'permission' : 'permissions'} ${names}`;
}

/** Returns the bit of a permission: for `all`, the one that no other permission includes. */
export function bitOf(permission: Permission): number {
  return 2 ** PERMISSIONS.indexOf(permission);
}
