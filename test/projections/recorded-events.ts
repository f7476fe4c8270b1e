/** Records events with seq and time, like a log. */
import type { AnyEvent, Recorded } from '../../src/events/event.js';

/** The time of seq 0; each event is a second later than the previous one. */
export const TIME_ZERO_MS = Date.UTC(2026, 10, 22);

/**
 * Puts one event at a place.
 *
 * @param event What happened
 * @param seq Where, from 1
 * @returns The event with a time and a hash that follow from its place
 */
export function recordedAt<E extends AnyEvent>(event: E, seq: number): Recorded<E> {
  return { event, seq, timeMs: TIME_ZERO_MS + seq * 1000, actor: 'anonymous', hash: seq.toString(16).padStart(8, '0').padEnd(64, '0') };
}
