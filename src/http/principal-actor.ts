/**
 * Who did it, as events and the access log name a principal.
 */
import type { Principal } from '../auth/principal.js';
import { ACTOR_ANONYMOUS, globalActor, projectActor } from '../events/actor.js';

/**
 * Names a principal.
 *
 * @returns text for the field `actor`
 */
export function actorOf(principal: Principal): string {
  switch (principal.kind) {
    case 'global':
      return globalActor(principal.keyId);
    case 'project':
      return projectActor(principal.project, principal.keyId);
    case 'anonymous':
      return ACTOR_ANONYMOUS;
  }
}
