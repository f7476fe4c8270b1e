/**
 * How events look on the wire: as lines (NDJSON), and as server-sent events. Pure. A line of the log contains no line break, so it is the
 * data of a server-sent event as it stands. Events are put together in portions; all followers of a project send the same ones.
 */
import type { FeedBlock } from '../../store/event-blocks.js';

/** An event, as the feed of a store gives it. */
export type FeedEvent = FeedBlock['events'][number];

/** Seconds after which a client connects again, and the same for a client of server-sent events in milliseconds. */
const RETRY_SECONDS = 2;
const RETRY_FRAME = 'retry: 2000\n\n';
/** Hexadecimal digits of a hash in the id of an event. */
const ID_HASH_DIGITS = 8;

/** Why the server ends a stream. */
export type EndReason = 'shutting_down' | 'key_ended' | 'project_deleted' | 'max_age' | 'too_slow';

/** The id of an event: which line it is of which log. */
export function eventId({ seq, hash }: Pick<FeedEvent, 'seq' | 'hash'>): string {
  return `${seq}-${hash.slice(0, ID_HASH_DIGITS)}`;
}

/** The media type of a stream. */
export interface StreamForm {
  /** What stands before the line of an event, in ASCII. */
  readonly head: (event: FeedEvent) => string;
  /** What stands behind it, in ASCII. */
  readonly tail: string;
  /** What was made of events before, by the list in which they came. */
  readonly made: WeakMap<readonly FeedEvent[], Buffer>;
}

/** Lines of the log, each with its line feed. */
export const LINES: StreamForm = { head: () => '', tail: '\n', made: new WeakMap() };
/** Server-sent events. */
export const FRAMES: StreamForm = {
  head: (event) => `id: ${eventId(event)}\nevent: ${event.op}\ndata: `, tail: '\n\n', made: new WeakMap(),
};

/** A portion ends with the event that brings it to this size, in bytes. */
const PORTION_BYTES = 65_536;
/** An event that is longer is a portion of its own, and its text is not copied. */
const COPIED_BYTES_MAX = 16_384;

/** Divides events into portions of one event or more. */
export function* portionsOf(events: readonly FeedEvent[]): Generator<readonly FeedEvent[], void, undefined> {
  for (let from = 0; from < events.length;) {
    const to = portionEnd(events, from);
    yield from === 0 && to === events.length ? events : events.slice(from, to);
    from = to;
  }
}

function portionEnd(events: readonly FeedEvent[], from: number): number {
  let sizeBytes = 0;
  for (let to = from; to < events.length; to += 1) {
    const { length } = events[to]?.text ?? [];
    if (length > COPIED_BYTES_MAX) return to === from ? to + 1 : to;
    sizeBytes += length;
    if (sizeBytes >= PORTION_BYTES) return to + 1;
  }
  return events.length;
}

/** Returns the bytes of a portion, in pieces. */
export function piecesOf(portion: readonly FeedEvent[], form: StreamForm): readonly Buffer[] {
  const [first] = portion;
  if (first !== undefined && first.text.length > COPIED_BYTES_MAX) {
    return [Buffer.from(form.head(first)), first.text, Buffer.from(form.tail)];
  }
  const bytes = form.made.get(portion) ?? joined(portion, form);
  form.made.set(portion, bytes);
  return [bytes];
}

function joined(portion: readonly FeedEvent[], { head, tail }: StreamForm): Buffer {
  const heads = portion.map(head);
  const sizeBytes = portion.reduce((sum, { text }, index) => sum + (heads[index]?.length ?? 0) + text.length + tail.length, 0);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  portion.forEach(({ text }, index) => {
    at += bytes.write(heads[index] ?? '', at, 'latin1');
    at += text.copy(bytes, at);
    at += bytes.write(tail, at, 'latin1');
  });
  return bytes;
}

/** The start of a stream. */
export function retryFrame(): Buffer {
  return Buffer.from(RETRY_FRAME);
}

/** A sign of life. */
export function heartbeatFrame(): Buffer {
  return Buffer.from(':\n\n');
}

/** Names a line up to which nothing else matches, so that a client continues from there. */
export function bookmarkFrame(line: Pick<FeedEvent, 'seq' | 'hash'>): Buffer {
  return Buffer.from(`id: ${eventId(line)}\nevent: bookmark\ndata: {"seq":${line.seq}}\n\n`);
}

/** All existing events have been sent. */
export function liveFrame(seq: number): Buffer {
  return Buffer.from(`event: live\ndata: {"seq":${seq}}\n\n`);
}

/** The position of the client is not in the log. */
export function resetFrame(facts: object): Buffer {
  return Buffer.from(`event: reset\ndata: ${JSON.stringify(facts)}\n\n`);
}

/** The server ends the stream. */
export function byeFrame(reason: EndReason): Buffer {
  return Buffer.from(`event: bye\ndata: {"reason":"${reason}","retry_after_seconds":${RETRY_SECONDS}}\n\n`);
}
