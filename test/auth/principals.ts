/** Callers with API keys, as a keyring would identify them. */
import type { Permission } from '../../src/api/permissions.js';
import type { KeyPrincipal } from '../../src/auth/principal.js';
import { rightsOf } from '../../src/auth/rights.js';

const KEY_ID = '0123456789abcdef';

/** The holder of a key of `default`; without permissions, of its primary key. */
export function globalPrincipal(permissions: readonly Permission[] = ['all'], keyId = KEY_ID): KeyPrincipal {
  return { kind: 'global', keyId, rights: rightsOf(permissions), window: null, use: { lastMs: NaN } };
}

/** The holder of a key of a project; without permissions, of its primary key. */
export function projectPrincipal(project: string, permissions: readonly Permission[] = ['all'], keyId = KEY_ID): KeyPrincipal {
  return { kind: 'project', project, keyId, rights: rightsOf(permissions), window: null, use: { lastMs: NaN } };
}
