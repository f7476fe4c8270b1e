/**
 * Replays the lines of a log into a projection.
 */
import { invariant } from '../base/invariant.js';
import { decodeEvent } from '../events/codec.js';
import type { AnyEvent } from '../events/event.js';
import type { ReplayLine } from '../log/log.js';
import type { Projection } from '../projections/projection.js';

/**
 * Makes the function that a log calls for each line that it replays.
 *
 * @param owner owner of the log, for the message: `a project` or `the server`
 * @param isOwn whether an event belongs into this log
 * @returns applies one line; throws `UnknownEventError` for an event of a newer version
 */
export function replayInto<E extends AnyEvent>(
  projection: Projection<E>,
  owner: string,
  isOwn: (event: AnyEvent) => event is E,
): ReplayLine {
  return ({ op, body, seq, timeMs, hash, actor, place }) => {
    const event = decodeEvent(op, body);
    invariant(isOwn(event), `"${op}" at seq ${seq} is an event of ${owner}`);
    projection.apply({ event, seq, timeMs, hash, actor, ...(place === undefined ? {} : { place }) });
  };
}
