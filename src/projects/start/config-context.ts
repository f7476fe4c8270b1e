/**
 * Who makes the changes that an edit of the configuration demands.
 */
import { randomHexId } from '../../base/random-id.js';
import { ACTOR_CONFIG } from '../../events/actor.js';
import type { CommandContext } from '../../store/command.js';

/** Returns the actor `config` and a new request, for a start or for a reload that no client asked for. */
export function configContext(occasion: 'start' | 'reload'): CommandContext {
  return { actor: ACTOR_CONFIG, requestId: `${occasion}-${randomHexId()}` };
}
