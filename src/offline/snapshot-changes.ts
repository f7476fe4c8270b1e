/**
 * From the lines of a project's log to the changes that a snapshot is built from.
 */
import { invariant } from '../base/invariant.js';
import { endOfPlace, type TextPlace } from '../base/text-place.js';
import { decodeEvent } from '../events/codec.js';
import { isProjectEvent, type ProjectEvent } from '../events/event.js';
import type { LogLine } from '../log/log.js';
import type { SnapshotChange } from '../projections/snapshot/snapshot.js';

/**
 * Reads the event that a line of a project's log holds.
 *
 * @throws {UnknownEventError} for one that this version cannot read
 */
export function projectEventOf({ op, body, seq }: LogLine): ProjectEvent {
  const event = decodeEvent(op, body);
  invariant(isProjectEvent(event), `"${op}" at seq ${seq} is an event of a project`);
  return event;
}

/**
 * What a line changes of keys and values.
 *
 * @param line a line whose hash has been checked, with its place
 * @returns the change, undefined for a line that is about something else
 * @throws {UnknownEventError} for one that this version cannot read
 */
export function changeOf(line: LogLine): SnapshotChange | undefined {
  const event = projectEventOf(line);
  const { seq, timeMs } = line;
  switch (event.op) {
    case 'set':
      return { kind: 'set', key: event.key, value: event.value, seq, timeMs, place: placeOfValue(line, event.value) };
    case 'delete':
      return { kind: 'delete', key: event.key, seq };
    case 'clear':
      return { kind: 'clear', seq };
    default:
      return undefined;
  }
}

/** The value is what the body of a `set` ends with. */
function placeOfValue({ place, seq }: LogLine, value: string): TextPlace {
  invariant(place !== undefined, `the line of seq ${seq} lies in a file`);
  return endOfPlace(place, Buffer.byteLength(value));
}
