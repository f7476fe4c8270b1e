/**
 * The contract of a projection: a read model that is nothing but the events that it was given, in order.
 *
 * - `apply` is given every event of one log exactly once, in the order of seq, first those of the past and then each new one
 *   after it has become durable. It never sees an event that might not be there after a restart.
 * - It must not fail: an event that is in the log has happened. What it cannot make sense of is a defect of this program, or
 *   of the one that wrote the log, and throws an `InvariantError`, which ends the opening of the project or the process.
 * - It runs on the event loop between two reads, so a reader sees either nothing or all of one event.
 * - It keeps nothing that cannot be rebuilt by replaying the log from seq 1.
 */
import type { AnyEvent, Recorded } from '../events/event.js';

/** A read model of one log. */
export interface Projection<E extends AnyEvent> {
  /**
   * Takes in the next event.
   *
   * @param recorded the event at its place; its seq is one above that of the call before
   */
  apply(recorded: Recorded<E>): void;
}
