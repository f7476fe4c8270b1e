/**
 * How events look on the wire: as lines (NDJSON), and as server-sent events. Pure. A line of the log contains no line break, so it is the
 * data of a server-sent event as it stands.
 */
import type { FeedBlock } from '../../store/event-feed.js';

/** An event, as the feed of a store gives it. */
export type FeedEvent = FeedBlock['events'][number];

/** Seconds after which a client connects again, and the same for a client of server-sent events in milliseconds. */
const RETRY_SECONDS = 2;
const RETRY_FRAME = 'retry: 2000\n\n';
/** Hexadecimal digits of a hash in the id of an event. */
const ID_HASH_DIGITS = 8;

/** Why the server ends a stream. */
export type EndReason = 'shutting_down' | 'key_ended' | 'project_deleted' | 'max_age' | 'too_slow';

const LINE_END = Buffer.from('\n');
const FRAME_END = Buffer.from('\n\n');

/** The id of an event: which line it is of which log. */
export function eventId({ seq, hash }: Pick<FeedEvent, 'seq' | 'hash'>): string {
  return `${seq}-${hash.slice(0, ID_HASH_DIGITS)}`;
}

/** Frames by event: all followers of a project send the same ones. */
const frames = new WeakMap<FeedEvent, readonly Buffer[]>();
/** Longest event whose frame is one piece; the text of a longer one is not copied. */
const WHOLE_BYTES_MAX = 16_384;

/** Returns a line of the log with its line feed, in pieces. */
export function lineOf({ text }: FeedEvent): readonly Buffer[] {
  return text.length > WHOLE_BYTES_MAX ? [text, LINE_END] : [Buffer.concat([text, LINE_END])];
}

/** Returns an event as a server-sent event, in pieces. */
export function frameOf(event: FeedEvent): readonly Buffer[] {
  const known = frames.get(event);
  if (known !== undefined) return known;
  const pieces = [Buffer.from(`id: ${eventId(event)}\nevent: ${event.op}\ndata: `), event.text, FRAME_END];
  if (event.text.length > WHOLE_BYTES_MAX) return pieces;
  const made = [Buffer.concat(pieces)];
  frames.set(event, made);
  return made;
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
