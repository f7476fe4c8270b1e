/**
 * The actor of an event: who caused it. Names an API key by its id, never by the key or its hash.
 */

/** A hand edit of the configuration file, or the server applying its content. */
export const ACTOR_CONFIG = 'config';

/** The server itself: snapshots, and the removal of what they replace. */
export const ACTOR_SERVER = 'server';

/** The caller of a request. A key id has 16 hexadecimal digits. */
type Caller =
  | { readonly kind: 'global'; readonly keyId: string }
  | { readonly kind: 'project'; readonly project: string; readonly keyId: string }
  | { readonly kind: 'anonymous' };

/** Returns the actor of a request: `global#<key id>`, `project:<id>#<key id>`, or `anonymous` without an API key. */
export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'global':
      return `global#${caller.keyId}`;
    case 'project':
      return `project:${caller.project}#${caller.keyId}`;
    case 'anonymous':
      return 'anonymous';
  }
}
