/**
 * The contract of a projection: a read model computed from the events of one log, in order, and from nothing else.
 *
 * - `apply` receives every event exactly once, in the order of seq: first those of the past, then each new one after it has become durable.
 *   It never receives an event that might be missing after a restart.
 * - It must not fail: an event in the log has happened. An event that contradicts the state is a defect of this program, or of the one
 *   that wrote the log, and throws an `InvariantError`, which fails the opening of the project or ends the process.
 * - It runs synchronously on the event loop, so a reader sees either nothing or all of an event.
 * - It keeps nothing that cannot be rebuilt by replaying the log from seq 1.
 */
import type { AnyEvent, Recorded } from '../events/event.js';

/** A read model of one log. */
export interface Projection<E extends AnyEvent> {
  /**
   * Applies the next event.
   *
   * @param recorded its seq is one above that of the previous call
   */
  apply(recorded: Recorded<E>): void;
}
