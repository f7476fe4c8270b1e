/**
 * Who did it, as it stands in every event: never a key, never a hash, only the id of a key.
 */

/** Anybody, on a scope without authentication. */
export const ACTOR_ANONYMOUS = 'anonymous';

/** A person who edited the configuration file, or the server carrying out what stands there. */
export const ACTOR_CONFIG = 'config';

/** The server itself, without a request: snapshots and what they make obsolete. */
export const ACTOR_SERVER = 'server';

/**
 * The actor of a request that carried the global key.
 *
 * @param keyId 16 hexadecimal digits
 * @returns text for the field `actor`
 */
export function globalActor(keyId: string): string {
  return `global#${keyId}`;
}

/**
 * The actor of a request that carried a project's key.
 *
 * @param keyId 16 hexadecimal digits
 * @returns text for the field `actor`
 */
export function projectActor(project: string, keyId: string): string {
  return `project:${project}#${keyId}`;
}
