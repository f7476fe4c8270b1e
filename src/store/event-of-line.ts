/**
 * The event of a line that a reader of the feed got, which may be an erased one.
 */
import { AppError } from '../base/app-error.js';
import { decodeEvent, decodeLineEvent } from '../events/codec.js';
import type { AnyEvent } from '../events/event.js';
import type { EventLine } from '../log/event-lines.js';

/** The refusal of a value that was erased. */
export function valueRedacted(seq: number): AppError {
  return new AppError('value_redacted', `Cannot read this value: that of seq ${seq} was erased`, { facts: { seq } });
}

/** Decodes the event of a line. In that of an erased line, `null` stands for each value. */
export function eventOf({ op, text, bodyStart, bodyEnd, left }: EventLine): AnyEvent {
  return left === undefined
    ? decodeEvent(op, text.toString('utf8', bodyStart, bodyEnd)) : decodeLineEvent({ op, body: left, erasedBy: true });
}
