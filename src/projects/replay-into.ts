/**
 * From the lines of a log to a projection: what an opening log is given to replay into.
 */
import { invariant } from '../base/invariant.js';
import { decodeEvent } from '../events/codec.js';
import type { AnyEvent } from '../events/event.js';
import type { ReplayLine } from '../log/log.js';
import type { Projection } from '../projections/projection.js';

/**
 * Feeds a projection from a log.
 *
 * @param owner whose log it is, for the message: `a project` or `the server`
 * @param isOwn tells the events that may stand in this log
 * @returns applies one line; throws `UnknownEventError` for one that this version cannot read
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
